import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { jsonOf } from '../../src/upstream/json-of.js'

describe('jsonOf', () => {
  test('reads whatever JSON.stringify writes, however it is laid out', () => {
    // Those that a double cannot hold, and texts of JSON, are below.
    const value = fc.jsonValue().filter((said) => typeof said !== 'string' && !/\d{16}/.test(JSON.stringify(said)))
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (said, indent) => {
        const text = JSON.stringify(said, null, indent)
        expect(jsonOf(text)).toEqual(JSON.parse(text))
        expect(jsonOf(`\uFEFF \r\n${text}\n`)).toEqual(JSON.parse(text))
      }),
    )
  })

  test.each(['', ' ', '<html></html>', 'a word', '{"id":', '{"id":1}}', '"open', "{'id': 1}", 'undefined', '1 2'])(
    'finds none in %j',
    (text) => {
      expect(jsonOf(text)).toBeUndefined()
    },
  )

  test.each([
    ['null', null],
    [' null\n', null],
    ['false', false],
    ['0', 0],
    ['""', ''],
  ])('%j is a value too', (text, value) => {
    expect(jsonOf(text)).toBe(value)
  })
})

describe('a number that is missing', () => {
  test.each([
    ['{"ratio":NaN}', { ratio: null }],
    ['{"ratio": -Infinity, "eta": Infinity}', { ratio: null, eta: null }],
    ['[NaN,Infinity]', [null, null]],
    ['{"ratio":NaN,"note":"NaN of \\"Infinity\\""}', { ratio: null, note: 'NaN of "Infinity"' }],
    ['{"ratio":NaN,"note":"a\\\\"}', { ratio: null, note: 'a\\' }],
    ['{"note":"NaN"}', { note: 'NaN' }],
  ])('is null: %s', (text, value) => {
    expect(jsonOf(text)).toEqual(value)
  })

  test.each(['{"ratio":NaNs}', '{"ratio":aNaN}', '{"ratio":Infinity1}', '{"ratio":nan}'])('%s is not JSON', (text) => {
    expect(jsonOf(text)).toBeUndefined()
  })
})

describe('a whole number beyond 2^53', () => {
  test.each([
    ['{"id":4326796003218200779}', { id: '4326796003218200779' }],
    ['{"id":-4326796003218200779}', { id: '-4326796003218200779' }],
    ['[9007199254740993]', ['9007199254740993']],
    ['{"ratio":NaN,"id":9007199254740993}', { ratio: null, id: '9007199254740993' }],
    ['data: {"id":9007199254740993}', { id: '9007199254740993' }],
  ])('is the text of its digits: %s', (text, value) => {
    expect(jsonOf(text)).toEqual(value)
  })

  test.each([
    ['{"id":9007199254740991}', { id: 9007199254740991 }],
    ['{"id":"9007199254740993"}', { id: '9007199254740993' }],
    ['{"bytes":1e20,"id":1234567890123456}', { bytes: 1e20, id: 1234567890123456 }],
    ['{"a":12345678901234568.0,"b":0.1234567890123456789}', { a: Number('12345678901234568'), b: 0.12345678901234568 }],
  ])('is the only number that becomes text: %s', (text, value) => {
    expect(jsonOf(text)).toEqual(value)
  })
})

describe('JSON in a text of JSON', () => {
  test.each([
    ['{"id":1}', { id: 1 }],
    [' [1]', [1]],
  ])('is opened: %j', (inner, value) => {
    expect(jsonOf(JSON.stringify(inner))).toEqual(value)
  })

  test.each(['1', 'a {"id":1}', '{"id":', 'null', ''])('stays the text %j, unless it is that of an object', (inner) => {
    expect(jsonOf(JSON.stringify(inner))).toBe(inner)
  })
})

describe('one frame of an event stream', () => {
  test.each([
    ['data: {"id":1}', { id: 1 }],
    ['data:{"id":1}\n\n', { id: 1 }],
    ['event: done\r\nid: 4\r\ndata: {"id":1}\r\n\r\n', { id: 1 }],
    ['id: 4\ndata: {"id":1}', { id: 1 }],
    ['retry: 4\ndata: {"id":1}', { id: 1 }],
    [': ping\n\ndata: {"id":1}', { id: 1 }],
    ['data: {"id":\ndata: 1}\n\n', { id: 1 }],
    ['data: ["a\ndata: b"]', undefined],
    ['data: [1]', [1]],
  ])('is the content of its data: %j', (text, value) => {
    expect(jsonOf(text)).toEqual(value)
  })

  test('is the last one with an object', () => {
    expect(jsonOf('data: {"id":1}\n\ndata: {"id":2}\n\ndata: [DONE]\n\n')).toEqual({ id: 2 })
    expect(jsonOf('data: {"id":1}\r\n\r\ndata: {"id":2}\r\n\r\ndata: null\n\ndata: 3')).toEqual({ id: 2 })
    expect(jsonOf('data: {"id":1}\n\nevent: {"id":2}\n\n')).toEqual({ id: 1 })
  })

  test.each(['data: a word', 'data {"id":1}', 'my data: {"id":1}', 'data:', 'note: x\ndata: {"id":1}'])(
    '%j has none',
    (text) => {
      expect(jsonOf(text)).toBeUndefined()
    },
  )
})

describe('one object a line', () => {
  test('is read as one, and later lines win', () => {
    expect(jsonOf('{"id":1,"state":"queued"}\n\n{"state":"done"}\r\n')).toEqual({ id: 1, state: 'done' })
  })

  test.each(['{"id":1}\n[2]', '{"id":1}\n2', '{"id":1}\nnull', '{"id":1}\nover', '[1]\n{"id":1}', '{"id":1} {"id":2}'])(
    '%j is not',
    (text) => {
      expect(jsonOf(text)).toBeUndefined()
    },
  )
})
