import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../src/contracts/errors.js'
import type { StageName } from '../../src/contracts/stage.js'
import { chineseTexts, englishTexts } from '../../src/openai/progress-texts.js'

const STAGES: readonly StageName[] = ['generate', 'publish', 'resolve', 'upload']
const CODES: Readonly<Record<ErrorCode, true>> = {
  'configuration-invalid': true,
  'request-invalid': true,
  authentication: true,
  'quota-exceeded': true,
  'rate-limited': true,
  'content-rejected': true,
  'region-unsupported': true,
  overloaded: true,
  'circuit-open': true,
  network: true,
  'upstream-http': true,
  'upstream-response': true,
  'generation-failed': true,
  'submission-unknown': true,
  'stage-timeout': true,
  'all-strategies-failed': true,
  'no-usable-url': true,
  'run-state': true,
  'run-fenced': true,
  aborted: true,
  unexpected: true,
}
const LANGUAGES = [
  ['English', englishTexts, /^(?:\p{ASCII}|\p{Extended_Pictographic}\u{FE0F}?)+$/u],
  ['Chinese', chineseTexts, /\p{Script=Han}/u],
] as const

describe.each(LANGUAGES)('the texts in %s', (_, texts, letters) => {
  test('name each stage in words of its own', () => {
    const lines = STAGES.map((stage) => texts.fellBack(stage, 'b'))
    expect(new Set(lines).size).toBe(STAGES.length)
    for (const line of lines) expect(line).toMatch(letters)
    for (const line of lines) expect(line).toMatch(/^↪️ [^\s:：]+.*b$/u)
  })

  test('name each error in words of its own', () => {
    const reasons = (Object.keys(CODES) as ErrorCode[]).map((code) => texts.stageFailed('upload', code))
    expect(new Set(reasons).size).toBe(reasons.length)
    for (const reason of reasons) expect(reason).toMatch(/[(（][^()（）]{2,}[)）]/u)
    for (const reason of reasons) expect(reason).toMatch(letters)
    const attempts = (Object.keys(CODES) as ErrorCode[]).map((code) => texts.attemptFailed('upload', 'disk', code))
    expect(new Set(attempts).size).toBe(attempts.length)
    for (const attempt of attempts) expect(attempt).toMatch(/disk.*[(（][^()（）]{2,}[)）]$/u)
  })

  test('show an error code that is not known as it is', () => {
    expect(texts.stageFailed('upload', 'of-tomorrow' as ErrorCode)).toContain('of-tomorrow')
    expect(texts.attemptFailed('upload', 'disk', 'of-tomorrow' as ErrorCode)).toContain('of-tomorrow')
  })

  test('name the five steps, the target, the percentage, the time and the phase', () => {
    const { generating, generated, publishing, resolving, uploading } = texts
    const steps = [generating, generated, publishing, resolving, uploading('Drive')]
    expect(new Set(steps).size).toBe(5)
    for (const step of steps) expect(step).toMatch(letters)
    expect(texts.uploading('Drive')).toContain('Drive')
    expect(texts.progressed('generate', 40)).toMatch(/ 40%$|：40%$/u)
    expect(texts.waiting('generate', 75, undefined)).toMatch(/75/)
    expect(texts.waiting('generate', 75, undefined)).not.toMatch(/[(（]/u)
    expect(texts.waiting('generate', 75, 'queued')).toMatch(/75.*[(（]queued[)）]$/u)
    expect(texts.warned('low disk')).toBe('⚠️ low disk')
  })
})
