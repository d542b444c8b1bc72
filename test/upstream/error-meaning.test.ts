import { describe, expect, test } from 'vitest'
import { saysError, sentenceOf, sentencesOf, wordsOf } from '../../src/upstream/error-meaning.js'

function nested(depth: number, value: unknown, name = 'error'): unknown {
  return depth === 0 ? value : { [name]: nested(depth - 1, value, name) }
}

describe('saysError', () => {
  test.each([
    ...[
      undefined,
      null,
      0,
      200,
      false,
      '',
      ' ',
      '0',
      '200',
      'ok',
      'OK',
      'Success',
      'succeed',
      'succeeded',
      'successful',
    ],
    ...['none', 'null', 'No error', 'no errors', 'false', ' success\n', [], {}, [0, ''], { code: 0 }, { code: '0' }],
    ...[
      { code: 200, message: 'Welcome' },
      { status: 'success', msg: 'Done it' },
      { status_code: 0, text: 'Hello' },
    ],
    ...[
      { error_code: '', message: 'ok' },
      { errcode: 0, errmsg: 'all is well' },
      { errno: 0, reason: 'x' },
    ],
    ...[{ code: null, status: 0, message: 'Hello' }, { message: '' }, [{ code: 0, message: 'Hello' }]],
  ])('%j is not an error', (value) => {
    expect(saysError(value)).toBe(false)
  })

  test.each([
    ...[1, -1, 500, true, 'failed', 'not ok', 'okay', '2000', 'no error?', ['bad'], ['', 'bad'], { code: 1 }],
    ...[{ message: 'Bad' }, { code: '', message: 'Bad' }, { code: null, message: 'Bad' }, { code: 4, message: 'ok' }],
    ...[{ number: 0, message: 'Bad' }, { inner: { deep: 'Bad' } }, { code: { inner: 3 } }],
  ])('%j is an error', (value) => {
    expect(saysError(value)).toBe(true)
  })

  test('what is too deep to be read counts as an error', () => {
    expect(saysError(nested(5, 0))).toBe(false)
    expect(saysError(nested(6, 0))).toBe(true)
    expect(saysError([[[[[0]]]]])).toBe(false)
    expect(saysError([[[[[[0]]]]]])).toBe(true)
    expect(saysError({ code: { code: { code: { code: { code: { code: 0 } } } } } })).toBe(true)
  })
})

describe('sentenceOf', () => {
  test.each([
    ...[
      'error',
      'errors',
      'fail_reason',
      'failure_reason',
      'failure',
      'error_message',
      'error_msg',
      'err_msg',
      'errmsg',
    ],
    ...['fail_msg', 'failed_reason', 'failure_message', 'failure_details', 'fail_message', 'err_message', 'error_desc'],
    ...[
      'error_detail',
      'task_error',
      'exception',
      'task_status_msg',
      'status_reason',
      'rejection_reason',
      'reason_str',
    ],
    ...['markdown_reason_str', 'reason', 'detail', 'details', 'message', 'msg', 'raw_message', 'status_message'],
    ...['status_msg', 'status_details', 'status_detail', 'status_desc', 'task_result_msg', 'error_description'],
    'description',
  ])('finds the sentence of %s', (name) => {
    expect(sentenceOf({ id: 'x', [name]: ' It broke ' })).toBe('It broke')
    expect(sentencesOf({ id: 'x', [name]: ' It broke ' })).toEqual(['It broke'])
  })

  test.each([
    ['It broke', 'It broke'],
    [['a', '', { message: 'b' }], 'a; b'],
    [[{ loc: ['body', 'prompt'], msg: 'Field required' }], 'body.prompt: Field required'],
    [[{ loc: 'body', msg: 'Field required' }], 'Field required'],
    [[{ loc: ['body'] }], 'body'],
    [{ message: 'Near', error: 'Far' }, 'Near'],
    [{ detail: 'Near', error: 'Far' }, 'Near'],
    [{ msg: 'Near', error: 'Far' }, 'Near'],
    [{ message: 'success', error: 'It broke' }, 'It broke'],
    [{ message: '', error: 'It broke' }, 'It broke'],
    [{ message: 'ok' }, ''],
    [{ message: '{"error":{"errorMessage":"Inside"}}' }, 'Inside'],
    [{ message: '[{"msg":"Inside"}]' }, 'Inside'],
    [{ message: '{"id":1}' }, '{"id":1}'],
    [{ message: '{broken' }, '{broken'],
    [{ message: 'See {"error":"x"}' }, 'See {"error":"x"}'],
    [{ id: 'x' }, ''],
    [404, ''],
    [null, ''],
    [undefined, ''],
  ])('reads %j as %j', (value, sentence) => {
    expect(sentenceOf(value)).toBe(sentence)
  })

  test('reads five levels, and nothing below', () => {
    expect(sentenceOf(nested(5, 'It broke'))).toBe('It broke')
    expect(sentenceOf(nested(6, 'It broke'))).toBe('')
    expect(sentenceOf([[[[['It broke']]]]])).toBe('It broke')
    expect(sentenceOf([[[[[['It broke']]]]]])).toBe('')
  })
})

describe('sentencesOf', () => {
  test.each([
    [{ message: 'Vague', error: 'Telling', details: ['One', { reason: 'Two' }] }, ['Telling', 'One', 'Two', 'Vague']],
    ['It broke', ['It broke']],
    ['', []],
    [{ id: 'x' }, []],
    [[], []],
    [Array.from({ length: 12 }, (_, index) => `e${index}`), Array.from({ length: 10 }, (_, index) => `e${index}`)],
  ])('of %j are %j', (value, sentences) => {
    expect(sentencesOf(value)).toEqual(sentences)
  })

  test('are those of five levels', () => {
    expect(sentencesOf(nested(5, 'It broke'))).toEqual(['It broke'])
    expect(sentencesOf(nested(6, 'It broke'))).toEqual([])
    expect(sentencesOf([[[[['It broke']]]]])).toEqual(['It broke'])
    expect(sentencesOf([[[[[['It broke']]]]]])).toEqual([])
  })
})

describe('wordsOf', () => {
  test.each(['code', 'kind', 'type', 'reason', 'status', 'error_code', 'error_type', 'failure_code', 'err_code'])(
    'finds that in %s',
    (name) => {
      expect(wordsOf({ [name]: 'bad_thing', other: 'x' })).toEqual(['bad_thing'])
      expect(wordsOf({ [name]: 429 })).toEqual(['429'])
      for (const nothing of ['', null, true, ['x']]) expect(wordsOf({ [name]: nothing })).toEqual([])
    },
  )

  test.each(['error', 'detail', 'message', 'errors'])('finds those inside %s, also as a text of JSON', (name) => {
    expect(wordsOf({ code: 'outer', [name]: { code: 'inner' } })).toEqual(['inner', 'outer'])
    expect(wordsOf({ [name]: ' {"errorCode":"inner"}' })).toEqual(['inner'])
    expect(wordsOf({ [name]: [{ code: 'a' }, { code: 'b' }] })).toEqual(['a', 'b'])
    expect(wordsOf({ [name]: 'See {"code":"x"}' })).toEqual([])
  })

  test.each([[undefined], [null], [7], ['code'], [[]], [{ data: { code: 'x' } }]])('finds none in %j', (value) => {
    expect(wordsOf(value)).toEqual([])
  })

  test('reads ten entries of a list, and five levels', () => {
    const codes = Array.from({ length: 12 }, (_, index) => ({ code: `c${index}` }))
    expect(wordsOf(codes)).toEqual(codes.slice(0, 10).map(({ code }) => code))
    expect(wordsOf(nested(5, { code: 'x' }))).toEqual(['x'])
    expect(wordsOf(nested(6, { code: 'x' }))).toEqual([])
    expect(wordsOf([[[[[{ code: 'x' }]]]]])).toEqual(['x'])
    expect(wordsOf([[[[[[{ code: 'x' }]]]]]])).toEqual([])
  })
})
