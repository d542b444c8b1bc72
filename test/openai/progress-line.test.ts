import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ErrorCode, toErrorJson } from '../../src/contracts/errors.js'
import { NetworkError } from '../../src/contracts/upstream-errors.js'
import { ProgressLines } from '../../src/openai/progress-line.js'
import { chineseTexts, englishTexts } from '../../src/openai/progress-texts.js'
import { type BareEvent, numbered } from './run-events.js'

const error = toErrorJson(new NetworkError('canary'))

function linesOf(events: readonly BareEvent[], texts = englishTexts): string[] {
  const lines: string[] = []
  const progress = new ProgressLines(texts)
  for (const event of numbered(events)) {
    const line = progress.next(event)
    if (line !== undefined) lines.push(line.text)
  }
  return lines
}

const started: BareEvent = { type: 'stage-started', stage: 'generate', strategy: 'mock', at: 0 }
const progress = (
  at: number,
  more: { ratio?: number; phase?: string; bytesDone?: number; bytesTotal?: number } = {},
): BareEvent => ({
  type: 'stage-progressed',
  stage: 'generate',
  strategy: 'mock',
  at,
  elapsedMs: at,
  ...more,
})
const warning = (message: string, at = 0): BareEvent => ({ type: 'warning', code: 'x', message, at })

test('percentages are shown each 10 points when they move fast', () => {
  const lines = linesOf([started, ...Array.from({ length: 101 }, (_, i) => progress(i, { ratio: i / 100 }))])
  expect(lines.slice(1)).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((n) => `⏳ Generation: ${n}%`))
})

test('every whole percentage of an upstream is shown unchanged, and 100 only when all is done', () => {
  for (let percent = 10; percent <= 100; percent += 1) {
    expect(linesOf([started, progress(1, { ratio: percent / 100 })])[1]).toBe(`⏳ Generation: ${percent}%`)
  }
  expect(linesOf([started, progress(1, { ratio: 0.9999 })])[1]).toBe('⏳ Generation: 99%')
})

test('percentages are shown each 15 s when they move slowly', () => {
  const lines = linesOf([
    started,
    progress(5_000, { ratio: 0.01 }),
    progress(15_000, { ratio: 0.02 }),
    progress(29_999, { ratio: 0.03 }),
    progress(30_000, { ratio: 0.04 }),
  ])
  expect(lines.slice(1)).toEqual(['⏳ Generation: 2%', '⏳ Generation: 4%'])
})

test('bytes are a percentage too, and each stage counts from 0', () => {
  const upload = { type: 'stage-progressed', stage: 'upload', strategy: 's3', elapsedMs: 1, at: 1 } as const
  const lines = linesOf([
    started,
    progress(1, { ratio: 0.9 }),
    { ...upload, bytesDone: 30, bytesTotal: 100 },
    { ...upload, bytesDone: 30 },
    { type: 'stage-started', stage: 'upload', strategy: 's3', at: 2 },
    { ...upload, at: 3, bytesDone: 300, bytesTotal: 200 },
  ])
  expect(lines.slice(1)).toEqual(['⏳ Generation: 90%', '⏳ Upload: 30%', '☁️ Uploading to s3...', '⏳ Upload: 100%'])
})

test('without progress the elapsed time is shown each 30 s, with the phase if it is a plain word', () => {
  const lines = linesOf([
    started,
    progress(29_999, { phase: 'queued' }),
    progress(30_000, { phase: 'queued' }),
    progress(45_000, { phase: 'queued' }),
    progress(61_400),
    progress(95_000, { phase: '[click](https://evil.example)' }),
  ])
  expect(lines.slice(1)).toEqual([
    '⏳ Generation: 30 s so far (queued)',
    '⏳ Generation: 61 s so far',
    '⏳ Generation: 95 s so far',
  ])
  expect(linesOf([started, progress(30_000, { phase: '排队' })], chineseTexts)[1]).toBe(
    '⏳ 生成视频：已用时30秒（排队）',
  )
})

test("failed attempts, fallbacks and failed stages have the library's own texts", () => {
  const events: BareEvent[] = [
    { type: 'attempt-failed', stage: 'resolve', strategy: 'mirror', label: 'Mirror 1', error, durationMs: 1 },
    { type: 'fallback-taken', stage: 'resolve', strategy: 'mirror', next: 'mirror-2' },
    { type: 'attempt-failed', stage: 'resolve', strategy: 'mirror-2', error, durationMs: 1 },
    { type: 'stage-failed', stage: 'resolve', strategy: 'mirror-2', error, durationMs: 1 },
  ]
  expect(linesOf(events)).toEqual([
    '⚠️ URL resolution: Mirror 1 failed (network trouble)',
    '↪️ URL resolution: trying mirror-2',
    '⚠️ URL resolution: mirror-2 failed (network trouble)',
    '⚠️ URL resolution failed (network trouble), falling back to the URL at hand',
  ])
})

test('a code of a later version is shown unchanged', () => {
  const later = { ...error, code: 'later' as ErrorCode }
  const events = (['attempt-failed', 'stage-failed'] as const).map(
    (type): BareEvent => ({ type, stage: 'upload', strategy: 's3', error: later, durationMs: 1 }),
  )
  for (const texts of [englishTexts, chineseTexts]) {
    for (const line of linesOf(events, texts)) expect(line).toContain('later')
  }
})

test('the same note is shown at most each 15 s', () => {
  expect(linesOf([warning('a'), warning('a', 14_999), warning('b', 14_999), warning('a', 15_000)])).toEqual([
    '⚠️ a',
    '⚠️ b',
    '⚠️ a',
  ])
})

test('however many different notes there are, a run remembers only the latest', () => {
  const latest = Array.from({ length: 8 }, (_, n) => warning(`note ${n}`))
  expect(linesOf([...latest, ...latest])).toHaveLength(8)
  // The one before is forgotten, so it may be shown again.
  expect(linesOf([warning('first'), ...latest, warning('first')])).toHaveLength(10)
})

test('a resumed run does not repeat its steps', () => {
  const events: BareEvent[] = [
    started,
    { type: 'run-resumed', stages: ['generate'] },
    { ...started, at: 9_000_000 },
    { type: 'stage-completed', stage: 'generate', strategy: 'mock', durationMs: 1 },
  ]
  expect(linesOf(events, chineseTexts)).toEqual(['🎬 开始生成视频...', '✅ 视频生成完成'])
})

test('a failed generation adds no line: the error of the run is enough', () => {
  expect(linesOf([{ type: 'stage-failed', stage: 'generate', strategy: 'mock', error, durationMs: 1 }])).toEqual([])
})

test('a warning is one line without markup, cut where it gets long', () => {
  expect(linesOf([warning('  a\r\n\u2028b\u202e <img src=x> ![x](y) `c`\0 ')])).toEqual(['⚠️ a b img src=x !x(y) c'])
  expect(linesOf([warning('a')], chineseTexts)).toEqual(['⚠️ a'])
  const [long = ''] = linesOf([warning('🎬'.repeat(300))])
  expect(Array.from(long)).toHaveLength('⚠️ '.length + 201)
})

test('no warning breaks its line or opens markup', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (message) => {
      const [line = ''] = linesOf([warning(message)])
      expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}<>[\]`]/u)
    }),
  )
})

test('however a run moves, a stage has at most one line each 10 points or 15 s', () => {
  const reading = fc.record({
    gapMs: fc.integer({ min: 0, max: 20_000 }),
    ratio: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(reading, { maxLength: 200 }), (readings) => {
      let at = 0
      let ratio = 0
      const events = readings.map((next) => {
        at += next.gapMs
        ratio = Math.max(ratio, next.ratio)
        return progress(at, { ratio })
      })
      expect(linesOf([started, ...events]).length - 1).toBeLessThanOrEqual(10 + at / 15_000)
    }),
  )
})
