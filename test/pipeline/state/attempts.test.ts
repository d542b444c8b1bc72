import { describe, expect, it } from 'vitest'
import { RecordedError } from '../../../src/contracts/recorded-error.js'
import type { Attempt } from '../../../src/contracts/result.js'
import type { ErrorCode } from '../../../src/index.js'
import { failedAttempt, generatorErrorsOf, reasonsOf, shortened } from '../../../src/pipeline/state/attempts.js'

const failed = (strategy: string, code: ErrorCode, message = `Could not generate: ${strategy}`, durationMs = 5) =>
  failedAttempt('generate', strategy, { code, message }, durationMs)
const inStage = (stage: Attempt['stage'], strategy: string, outcome: Attempt['outcome'] = 'failed'): Attempt =>
  outcome === 'failed'
    ? failedAttempt(stage, strategy, { code: 'network', message: `no ${strategy}` }, 1)
    : { stage, strategy, outcome, durationMs: 1 }

describe('failedAttempt', () => {
  it('keeps a message of 500 characters and shortens one of 501', () => {
    expect(failed('a', 'network', 'x'.repeat(500)).errorMessage).toBe('x'.repeat(500))
    expect(failed('a', 'network', 'x'.repeat(501)).errorMessage).toBe(`${'x'.repeat(499)}…`)
  })
})

describe('shortened', () => {
  it('never ends in half a character', () => {
    expect(shortened('ab😀cd', 4)).toBe('ab\ufffd…')
    expect(shortened('ab😀cd', 5)).toBe('ab😀…')
  })
})

describe('generatorErrorsOf', () => {
  it('leaves out what did not fail, what belongs to another stage, and what only let the run wait', () => {
    const attempts: Attempt[] = [
      { stage: 'generate', strategy: 'a', outcome: 'succeeded', durationMs: 1 },
      { stage: 'generate', strategy: 'a', outcome: 'failed', durationMs: 1 },
      failed('a', 'submission-unknown'),
      failed('a', 'stage-timeout'),
      inStage('upload', 'drive'),
      failed('b', 'quota-exceeded'),
    ]
    expect(generatorErrorsOf(attempts, [])).toMatchObject([
      { code: 'quota-exceeded', strategy: 'b', stage: 'generate' },
    ])
  })

  it.each<[ErrorCode, boolean]>([
    ['rate-limited', true],
    ['overloaded', true],
    ['circuit-open', true],
    ['network', true],
    ['upstream-response', true],
    ['upstream-http', false],
    ['quota-exceeded', false],
    ['authentication', false],
    ['content-rejected', false],
  ])('records whether a recorded %s may be retried', (code, isRetryable) => {
    const [error] = generatorErrorsOf([failed('a', code, 'Could not submit: a')], [])
    expect(error).toBeInstanceOf(RecordedError)
    expect(error).toMatchObject({ name: 'RecordedError', code, isRetryable, message: 'Could not submit: a' })
  })

  it('names the generator that failed where the state of 0.1.0 has no message', () => {
    const attempt: Attempt = {
      stage: 'generate',
      strategy: 'a',
      outcome: 'failed',
      errorCode: 'network',
      durationMs: 1,
    }
    expect(generatorErrorsOf([attempt], [])).toMatchObject([{ message: 'Could not generate with a: network' }])
  })

  it('gives each error as it was thrown, once, also after the attempts were read from the store', () => {
    const errors = [new Error('first'), new Error('second')]
    const attempts = [failed('a', 'network'), failed('a', 'network')]
    const known = attempts.map((attempt, index) => ({ attempt, error: errors[index] }))
    expect(generatorErrorsOf(structuredClone(attempts), known)).toEqual(errors)
    expect(generatorErrorsOf([...attempts, structuredClone(attempts[0] as Attempt)], known)).toEqual([
      ...errors,
      expect.any(RecordedError),
    ])
  })

  it.each<[string, Attempt]>([
    ['strategy', failed('b', 'network', 'Could not generate: a')],
    ['code', failed('a', 'overloaded')],
    ['message', failed('a', 'network', 'another')],
    ['duration', failed('a', 'network', undefined, 6)],
  ])('takes no error of an attempt with another %s', (_, attempt) => {
    const known = [{ attempt: failed('a', 'network'), error: new Error('of another') }]
    expect(generatorErrorsOf([attempt], known)).toEqual([expect.any(RecordedError)])
  })
})

describe('reasonsOf', () => {
  it('names the last failure of each strategy of each later stage, and none that succeeded in the end', () => {
    const attempts = [
      inStage('generate', 'g'),
      inStage('resolve', 'x'),
      inStage('upload', 'x'),
      failedAttempt('upload', 'x', { code: 'rate-limited', message: 'too many' }, 1),
      inStage('publish', 'y'),
      inStage('publish', 'y', 'succeeded'),
      { stage: 'upload', strategy: 'z', outcome: 'failed', durationMs: 1 } as const,
      { stage: 'upload', strategy: 'w', outcome: 'failed', errorCode: 'network', durationMs: 1 } as const,
    ]
    expect(reasonsOf(attempts)).toEqual([
      'x failed (network: no x)',
      'x failed (rate-limited: too many)',
      'z failed (unexpected)',
      'w failed (network)',
    ])
  })

  it('names ten at most, counts the rest, and shortens each', () => {
    const upTo = (count: number) => Array.from({ length: count }, (_, index) => inStage('upload', `u${index}`))
    expect(reasonsOf(upTo(10))).toHaveLength(10)
    expect(reasonsOf(upTo(10)).at(-1)).toBe('u9 failed (network: no u9)')
    expect(reasonsOf(upTo(12)).slice(9)).toEqual(['u9 failed (network: no u9)', '2 more'])
    const [reason] = reasonsOf([failedAttempt('upload', 'u', { code: 'network', message: 'x'.repeat(300) }, 1)])
    expect(reason).toBe(`u failed (network: ${'x'.repeat(159)}…)`)
  })
})
