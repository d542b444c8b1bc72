import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { VideoRequest } from '../../../src/contracts/request.js'
import { MAX_SHOTS, readPromptMarkers } from '../../../src/http/requests/prompt-markers.js'
import { chatCompletionsBody } from '../../../src/strategies/generators/chat-completions/chat-completions-body.js'
import { fakeContext } from '../../../src/testing/index.js'
import { isDoneWithin } from '../../support/is-done-within.js'

const HEX = '0123456789abcdef0123456789abcdef'
const POST = `s_${HEX}`
const LINK = `https://sora.chatgpt.com/p/${POST}`

test.each(['A cat', '  A cat\n', '[5 s] a cat', '[s]', '{}', '[a5s]', '[5.s]x', '[.5s]x', ' ', ''])(
  'a text without markers stays unchanged, but for the blanks around it: %j',
  (text) => {
    expect(readPromptMarkers(text)).toEqual({ prompt: text.trim() || text })
  },
)

describe('a storyboard', () => {
  test.each<[string, string, readonly (readonly [number, string])[]]>([
    [
      'A day at sea [5.0s]sunrise [2.5s]a storm',
      'A day at sea',
      [
        [5, 'sunrise'],
        [2.5, 'a storm'],
      ],
    ],
    [
      '[5.0s]猫从飞机上跳伞 [5.0s]猫降落 [10s]猫在草地上',
      '猫从飞机上跳伞\n猫降落\n猫在草地上',
      [
        [5, '猫从飞机上跳伞'],
        [5, '猫降落'],
        [10, '猫在草地上'],
      ],
    ],
    [
      '[1s]a\r\n[2s]b\r\n',
      'a\nb',
      [
        [1, 'a'],
        [2, 'b'],
      ],
    ],
    ['[5s]a [soft light] {b}', 'a [soft light] {b}', [[5, 'a [soft light] {b}']]],
    ['A cat [10s]', 'A cat', [[10, '']]],
    ['[0s]a', 'a', [[0, 'a']]],
    [
      '[5s] [6s]b',
      'b',
      [
        [5, ''],
        [6, 'b'],
      ],
    ],
  ])('%j', (text, prompt, shots) => {
    const storyboard = shots.map(([durationSeconds, shot]) => ({ durationSeconds, prompt: shot }))
    expect(readPromptMarkers(text)).toEqual({ prompt, storyboard })
  })

  test(`has at most ${MAX_SHOTS} shots: more markers are text of the last one`, () => {
    const { storyboard = [] } = readPromptMarkers('[1s]a'.repeat(MAX_SHOTS + 2))
    expect(storyboard).toHaveLength(MAX_SHOTS)
    expect(storyboard.at(-1)).toEqual({ durationSeconds: 1, prompt: 'a[1s]a[1s]a' })
  })

  test('a marker without any text is text', () => {
    expect(readPromptMarkers('[5s]')).toEqual({ prompt: '[5s]' })
  })
})

describe('a style', () => {
  test.each([
    ['{anime} a cat', 'a cat', 'anime'],
    ['a {Retro} cat', 'a cat', 'retro'],
    ['a cat{COMIC}', 'a cat', 'comic'],
    ['a {fluffy} {golden} cat', 'a {fluffy} cat', 'golden'],
    ['a {news} {selfie} cat', 'a {selfie} cat', 'news'],
    ['{{anime}}', '{}', 'anime'],
    ['{anime}', '{anime}', 'anime'],
  ])('%j', (text, prompt, style) => {
    expect(readPromptMarkers(text)).toEqual({ prompt, style })
  })

  test.each(['a { anime } cat', 'a {anime cat}', 'a {animes} cat', 'a {constructor} cat', '{__proto__} x'])(
    'is missing in %j',
    (text) => {
      expect(readPromptMarkers(text)).toEqual({ prompt: text })
    },
  )

  test('is taken out of a shot too', () => {
    expect(readPromptMarkers('[5s]{anime} a cat')).toEqual({
      prompt: 'a cat',
      storyboard: [{ durationSeconds: 5, prompt: 'a cat' }],
      style: 'anime',
    })
  })
})

describe('a post to remix', () => {
  test.each([
    [`${POST} make it red`, 'make it red'],
    [`make it ${POST} red`, 'make it red'],
    [`make it red ${LINK}`, 'make it red'],
    [`${LINK}?psh=a.b~c&x=%20 make it red`, 'make it red'],
    [`${LINK}/ make it red`, 'make it red'],
    [`把${LINK}换成红色`, '把换成红色'],
    [`sora.chatgpt.com/p/${POST} make it red`, 'make it red'],
    [`make it red\n${LINK}\nslowly`, 'make it red\nslowly'],
    [LINK, LINK],
  ])('%j', (text, prompt) => {
    expect(readPromptMarkers(text)).toEqual({ prompt, remixOf: POST })
  })

  test('the first one counts, and the others stay', () => {
    const other = 's_ffffffffffffffffffffffffffffffff'
    expect(readPromptMarkers(`${POST} and ${other}`)).toEqual({ prompt: `and ${other}`, remixOf: POST })
    expect(readPromptMarkers(`${other} and ${LINK}`)).toEqual({ prompt: `and ${LINK}`, remixOf: other })
  })

  test.each([
    `s_${HEX.slice(1)} x`,
    `${POST}0 x`,
    `x${POST}`,
    `s_${HEX.toUpperCase()}`,
    `https://elsewhere.example/p/${POST} x`,
  ])('is missing in %j', (text) => {
    expect(readPromptMarkers(text)).toEqual({ prompt: text })
  })
})

test('all of them together', () => {
  expect(readPromptMarkers(`{anime} A day ${LINK} [5s]sun [2s]storm`)).toEqual({
    prompt: 'A day',
    storyboard: [
      { durationSeconds: 5, prompt: 'sun' },
      { durationSeconds: 2, prompt: 'storm' },
    ],
    style: 'anime',
    remixOf: POST,
  })
})

const token = fc.constantFrom(
  '[5s]',
  '[2.5s]',
  '[0s]',
  '{anime}',
  '{x}',
  POST,
  LINK,
  ' ',
  '\r\n',
  '\n',
  'a',
  '猫',
  '🎬',
)
const anyPrompt = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(token).map((tokens) => tokens.join('')),
)

test('any text leaves a prompt', () => {
  fc.assert(
    fc.property(anyPrompt, (text) => {
      const { prompt, storyboard = [] } = readPromptMarkers(text)
      expect(prompt === '').toBe(text === '')
      expect(prompt.trim() === '').toBe(text.trim() === '')
      expect(storyboard.every((shot) => Number.isFinite(shot.durationSeconds))).toBe(true)
    }),
    { numRuns: 2000 },
  )
})

test('reads back what the chat generator writes', () => {
  const words = fc.array(fc.constantFrom('cat', 'sea', '猫', '🎬', 'light,'), { minLength: 1, maxLength: 5 })
  const text = words.map((parts) => parts.join(' '))
  const shot = fc.record({ durationSeconds: fc.integer({ min: 1, max: 250 }).map((n) => n / 10), prompt: text })
  const style = { style: fc.constantFrom('anime', 'retro') }
  const request: fc.Arbitrary<VideoRequest> = fc.oneof(
    fc.record({ prompt: text, ...style, remixOf: fc.constant(POST) }, { requiredKeys: ['prompt'] }),
    fc.record({ prompt: text, ...style, storyboard: fc.array(shot, { minLength: 1 }) }, { requiredKeys: ['prompt'] }),
  )
  const defaults = { name: 'chat', model: 'sora2-landscape-10s', imageUrls: 'refuse' } as const
  fc.assert(
    fc.property(request, (given) => {
      const { messages } = chatCompletionsBody(given, defaults, fakeContext())
      const [{ content }] = messages as unknown as [{ content: string }]
      expect(readPromptMarkers(content)).toEqual(given)
    }),
  )
})

test.each([
  '[',
  '[1',
  '[1.1',
  '[1s',
  '[1s]',
  '[1s] ',
  '{',
  '{a',
  '{a}',
  '{anime}',
  's_',
  `s_${HEX}`,
  `s_${HEX.slice(1)}`,
  'https://sora.chatgpt.com/p/',
  `${LINK}?`,
  'sora.',
  ' ',
  '\r\n',
  '1',
  'a',
])('a megabyte of %s is read in time', (unit) => {
  const text = unit.repeat(1_000_000 / unit.length)
  for (const hostile of [text, `x${text}`, `[5s]${text}`, `${LINK}?${text}`]) {
    expect(isDoneWithin(400, () => readPromptMarkers(hostile))).toBe(true)
  }
})
