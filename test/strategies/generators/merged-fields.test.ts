import { expect, test } from 'vitest'
import { mergedFields, mergedText } from '../../../src/strategies/generators/merged-fields.js'

test.each<[string, object, object | undefined, object]>([
  [
    'an object into an object at every depth',
    { a: { b: { c: 1 }, d: 2 } },
    { a: { b: { e: 3 } } },
    { a: { b: { c: 1, e: 3 }, d: 2 } },
  ],
  ['a list in place of a list', { a: [1, 2] }, { a: [3] }, { a: [3] }],
  ['a text in place of an object', { a: { b: 1 } }, { a: 'b' }, { a: 'b' }],
  ['an object in place of a text', { a: 'b' }, { a: { b: 1 } }, { a: { b: 1 } }],
  ['null in place of an object', { a: { b: 1 } }, { a: null }, { a: null }],
  ['nothing for undefined', { a: { b: 1 }, c: 2 }, { a: { b: undefined }, c: undefined }, { a: { b: 1 }, c: 2 }],
  ['nothing for no options', { a: 1 }, undefined, { a: 1 }],
  ['a field named as one of every object', {}, { toString: { a: 1 } }, { toString: { a: 1 } }],
])('merges %s', (_, body, extra, merged) => {
  expect(mergedFields(body, extra)).toEqual(merged)
})

test('merges a key that names the prototype as a key, and an object with a class as a value', () => {
  const merged = mergedFields(
    { a: { b: 1 } },
    JSON.parse('{"__proto__": {"polluted": 1}, "a": {"__proto__": {"c": 2}}}'),
  )
  expect(JSON.stringify(merged)).toBe('{"a":{"b":1,"__proto__":{"c":2}},"__proto__":{"polluted":1}}')
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
  const date = new Date(0)
  expect(mergedFields({ a: date }, { a: { b: 1 } })).toEqual({ a: { b: 1 } })
})

test.each([
  ['{"prompt":"A cat"}', { negative_prompt: 'blurry' }, '{"prompt":"A cat","negative_prompt":"blurry"}'],
  ['A cat', { a: 1 }, '{"a":1}'],
  [null, { a: 1 }, '{"a":1}'],
  ['1', [2], '[2]'],
  ['1', 2, '2'],
])('merges into the form field %s the value %o', (text, extra, merged) => {
  expect(mergedText(text, extra)).toBe(merged)
})
