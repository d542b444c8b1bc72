import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HttpRefusal } from '../../../src/http/http-refusal.js'
import { MAX_JSON_DEPTH, MAX_JSON_VALUES, parseJsonBody } from '../../../src/http/requests/json-body.js'
import { isDoneWithin } from '../../support/is-done-within.js'

const MIB = 1024 * 1024
const bytesOf = (text: string) => new TextEncoder().encode(text)
const parse = (text: string) => parseJsonBody(bytesOf(text))

function problemOf(body: string | Uint8Array): string {
  try {
    parseJsonBody(typeof body === 'string' ? bytesOf(body) : body)
  } catch (error) {
    if (error instanceof HttpRefusal && error.status === 400 && error.code === 'invalid_json') return error.message
    throw error
  }
  return 'none'
}

test('reads what JSON.stringify wrote', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8, stringUnit: 'grapheme' }), (value) => {
      expect(parse(JSON.stringify(value, null, 2))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('brackets, commas and quotes inside of texts do not count', () => {
  const text = '[{"\\",'.repeat(MAX_JSON_VALUES)
  expect(parse(JSON.stringify({ [text.slice(0, 1000)]: text, end: '\\' }))).toMatchObject({ end: '\\' })
})

test('takes a byte order mark', () => {
  expect(parse('\ufeff{"a":1}')).toEqual({ a: 1 })
})

test.each([
  ['', 'it is empty'],
  [' \r\n', 'it is empty'],
  ['\ufeff', 'it is empty'],
  ['{', 'it is not JSON'],
  ['{"a":1}}', 'it is not JSON'],
  ["{'a':1}", 'it is not JSON'],
  ['{"a":"\r\n"}', 'it is not JSON'],
  [']'.repeat(100) + '['.repeat(64), 'it is not JSON'],
  ['"\\', 'it is not JSON'],
  ['NaN', 'it is not JSON'],
  [new Uint8Array([0x22, 0xc3, 0x28, 0x22]), 'it is not UTF-8'],
  [new Uint8Array([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]), 'it is not UTF-8'],
])('refuses %j', (body, problem) => {
  expect(problemOf(body)).toBe(`Could not read the body as JSON: ${problem}`)
})

test('does not quote a body', () => {
  expect(problemOf('{"apiKey": secret-canary-1}')).not.toContain('canary')
})

describe('nesting', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

  test(`${MAX_JSON_DEPTH} levels are taken, one more is not`, () => {
    expect(problemOf(nested(MAX_JSON_DEPTH))).toBe('none')
    expect(problemOf(nested(MAX_JSON_DEPTH + 1))).toContain('more than 64 levels deep')
    expect(problemOf(`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`)).toContain('more than 64 levels deep')
  })

  test('siblings do not count as depth', () => {
    expect(problemOf(`[${Array.from({ length: 1000 }, () => '{"a":[1]}').join()}]`)).toBe('none')
  })

  test.each([
    ['10,000 levels', nested(10_000)],
    ['20 MB of [', '['.repeat(20 * MIB)],
    ['20 MB of {"a":', '{"a":'.repeat(4 * MIB)],
    ['20 MB of [{', '[{'.repeat(10 * MIB)],
  ])('%s are refused at once', (_, text) => {
    const bytes = bytesOf(text)
    expect(problemOf(bytes)).toContain('levels deep')
    expect(isDoneWithin(100, () => problemOf(bytes))).toBe(true)
  })
})

describe('the number of values', () => {
  test(`${MAX_JSON_VALUES} are taken, one more is not`, () => {
    // The list itself is one, and so is each entry.
    expect(problemOf(`[${'0,'.repeat(MAX_JSON_VALUES - 2)}0]`)).toBe('none')
    expect(problemOf(`[${'0,'.repeat(MAX_JSON_VALUES - 1)}0]`)).toContain('more than 100,000 values')
  })

  test.each([
    ['empty objects', `[${'{},'.repeat(6 * MIB)}{}]`],
    ['keys', `{${Array.from({ length: MIB }, (_, index) => `"k${index}":0,`).join('')}"end":0}`],
  ])('millions of %s are refused before they are created', (_, text) => {
    const bytes = bytesOf(text)
    const before = process.memoryUsage().heapUsed
    expect(problemOf(bytes)).toContain('values')
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(10 * MIB)
  })
})

test('4 MB of text are read quickly', () => {
  for (const unit of ['\\"', '\\\\', 'a']) {
    const bytes = bytesOf(`{"image":"${unit.repeat((4 * MIB) / unit.length)}"}`)
    expect(isDoneWithin(1000, () => parseJsonBody(bytes))).toBe(true)
  }
})

test('names of the prototype are ordinary names', () => {
  const value = parse('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"isAdmin":true}}}')
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined()
})

test('of a key that comes twice the last one counts', () => {
  expect(parse('{"a":1,"a":2}')).toEqual({ a: 2 })
})
