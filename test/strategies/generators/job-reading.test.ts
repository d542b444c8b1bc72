import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instantOf, readJob } from '../../../src/strategies/generators/answers/job-answer.js'
import { jobFailure } from '../../../src/strategies/generators/answers/job-failure.js'
import { jobStateOf } from '../../../src/strategies/generators/answers/job-state.js'
import { progressRatio } from '../../../src/strategies/generators/answers/progress-ratio.js'
import { saysError } from '../../../src/upstream/error-meaning.js'
import { maskOf } from '../../../src/upstream/secret.js'

describe('jobStateOf', () => {
  test.each([
    ['queued', 'queued'],
    ['NOT_START', 'queued'],
    ['In-Queue', 'queued'],
    ['preprocessing', 'queued'],
    ['in progress', 'running'],
    ['postprocessing', 'running'],
    ['SUCCESS', 'completed'],
    ['done', 'completed'],
    ['failure', 'failed'],
    ['Content Moderated', 'moderated'],
    ['canceled', 'cancelled'],
    ['expired', 'expired'],
    ['unknown', 'unknown'],
    ['processing_2', 'unknown'],
    ['', 'unknown'],
    ['constructor', 'unknown'],
  ])('%j is %s', (word, state) => {
    expect(jobStateOf(word)).toBe(state)
  })

  test('case, dividers and blanks around do not matter', () => {
    const word = fc.constantFrom('in_progress', 'not_start', 'content_moderated', 'in_queue')
    fc.assert(
      fc.property(word, fc.constantFrom('-', ' ', '_', '  '), fc.boolean(), (known, divider, isUpper) => {
        const written = ` ${known.replaceAll('_', divider)} `
        expect(jobStateOf(isUpper ? written.toUpperCase() : written)).toBe(jobStateOf(known))
      }),
    )
  })
})

describe('progressRatio', () => {
  test.each([
    [0, 0],
    [33, 0.33],
    [12.5, 0.125],
    [1, 0.01],
    [1.5, 0.015],
    [0.98, 0.98],
    ['0.5', 0.5],
    ['0.5%', 0.005],
    [100, 1],
    [150, 1],
    [-3, 0],
    ['45%', 0.45],
    [' 45 ', 0.45],
    [null, undefined],
    [undefined, undefined],
    [Number.NaN, undefined],
    ['half', undefined],
    ['', undefined],
    [true, undefined],
    [{}, undefined],
  ])('%j is %s', (value, ratio) => {
    expect(progressRatio(value)).toBe(ratio)
  })

  test('is absent or from 0 to 1, whatever is sent', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.double(), fc.string()), (value) => {
        const ratio = progressRatio(value)
        expect(ratio === undefined || (ratio >= 0 && ratio <= 1)).toBe(true)
      }),
    )
  })
})

describe('instantOf', () => {
  test.each([
    [1_764_347_090, 1_764_347_090_000],
    [1_764_347_090_922, 1_764_347_090_922],
    ['1764347090', 1_764_347_090_000],
    ['2026-11-23T10:00:00Z', Date.parse('2026-11-23T10:00:00Z')],
    [0, undefined],
    [null, undefined],
    ['soon', undefined],
  ])('%j is %s', (value, instant) => {
    expect(instantOf(value)).toBe(instant)
  })
})

describe('readJob', () => {
  test('anything can be read', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (answer) => {
        expect(typeof (readJob(answer).id ?? '')).toBe('string')
      }),
    )
  })

  test.each([
    [{ id: 7 }, '7'],
    [{ id: null, task_id: 't' }, 't'],
    [{ id: '', request_id: 'r' }, undefined],
    [{ Response: { JobId: 'j' } }, 'j'],
    [{ motionVideoGenerationJob: { generationId: 'g', cost: 1 } }, 'g'],
    [{ request_id: 'r', data: { task_id: 't' } }, 't'],
    [{ id: 'x', status: 'completed', data: [{ id: 'file_1' }] }, 'x'],
    [{}, undefined],
  ])('finds the id in %j', (answer, id) => {
    expect(readJob(answer).id).toBe(id)
  })
})

describe('jobFailure', () => {
  const failure = (error: unknown, state = 'failed') =>
    jobFailure({ id: 'v_1', layers: [{ error }], state, mask: maskOf(['canary-1']) })

  test.each([
    [{ code: 'server_error', message: 'Out of memory' }, 'generation-failed', 'server_error'],
    [{ code: 500, message: 'x' }, 'generation-failed', '500'],
    ['a plain text', 'generation-failed', 'failed'],
    [{ message: 'no code' }, 'generation-failed', 'failed'],
    [null, 'generation-failed', 'failed'],
  ])('%j', (error, code, upstreamCode) => {
    expect(failure(error)).toMatchObject({ code, upstreamCode, isRetryable: false })
  })

  test.each([
    { code: 'moderation_blocked' },
    { code: 'x', message: 'Blocked by our moderation system' },
    { type: 'content_policy_violation' },
  ])('%j is a verdict', (error) => {
    expect(failure(error)).toMatchObject({ code: 'content-rejected' })
  })

  test('states without an error become the message', () => {
    expect(failure(undefined, 'moderated')).toMatchObject({ code: 'content-rejected' })
    expect(failure(undefined, 'expired')).toMatchObject({ upstreamCode: 'expired' })
    expect(failure({ code: 'canary-1', message: 'About canary-1' }).message).toBe(
      'Could not generate the video: job v_1 ended as failed, [redacted], About [redacted]',
    )
  })

  test.each([
    [null, false],
    [undefined, false],
    ['', false],
    [{}, false],
    [{ code: null, message: '' }, false],
    [false, false],
    ['x', true],
    [{ code: 'x' }, true],
    [{ code: 0 }, false],
    [{ code: 0, message: 'success' }, false],
    [{ code: 500 }, true],
    [[], false],
    [[{}], false],
    [0, false],
    ['success', false],
    ['Input validation error', true],
  ])('saysError(%j) is %s', (error, expected) => {
    expect(saysError(error)).toBe(expected)
  })
})
