import { describe, expect, test } from 'vitest'
import { type RepeatableCall, repeatedRequests } from '../../../src/http/routes/repeated-requests.js'
import { GenerationFailedError, StageTimeoutError, SubmissionUnknownError } from '../../../src/index.js'
import { manualClock } from '../../../src/testing/index.js'

const call = (more: Partial<RepeatableCall> = {}): RepeatableCall => ({
  owner: 'ann',
  route: 'chat',
  video: { prompt: 'A cat' },
  otherFields: {},
  headers: new Headers(),
  endsWithSender: false,
  ...more,
})
const said = call({ headers: new Headers({ 'x-stainless-retry-count': '1' }) })

/** A memory with a request for `run_1` that ended as given. */
function ended(end: 'waiting' | 'answered' | 'left' | Error, more: Partial<RepeatableCall> = {}) {
  const clock = manualClock()
  const repeats = repeatedRequests({ windowMs: 1000, clock })
  const sender = new AbortController()
  const request = new Request('http://127.0.0.1/', { signal: sender.signal })
  repeats.begin(request, call(more), 'run_1')
  if (end === 'left') sender.abort()
  if (end !== 'waiting')
    repeats.end(request, end === 'answered' ? undefined : end === 'left' ? sender.signal.reason : end)
  return { clock, repeats }
}

describe('an identical request', () => {
  test.each([
    ['left', 'run_1'],
    [new SubmissionUnknownError('Could not tell'), 'run_1'],
    [new StageTimeoutError('Could not wait', { timeoutMs: 1 }), 'run_1'],
    [new GenerationFailedError('Could not generate'), undefined],
    ['waiting', undefined],
    ['answered', undefined],
  ] as const)('after %s is for %s', (end, run) => {
    expect(ended(end).repeats.find(call())).toBe(run)
  })

  test.each(['waiting', 'answered', 'left'] as const)('and marked as a retry, is for the run: %s', (end) => {
    expect(ended(end).repeats.find(said)).toBe('run_1')
  })

  test('and marked as a retry, after an error that nothing was paid for, is for a new run', () => {
    expect(ended(new GenerationFailedError('Could not generate')).repeats.find(said)).toBeUndefined()
  })

  test.each([
    { owner: 'bob' },
    { route: 'videos' },
    { video: { prompt: 'A dog' } },
    { video: { prompt: 'A cat', seed: 1 } },
    { otherFields: { fps: 24 } },
    { otherFields: { mask: { bytes: new Uint8Array([1]), mediaType: 'image/png', fileName: 'a' } } },
    { video: { prompt: 'A cat', image: { bytes: new Uint8Array([1]), mediaType: 'image/png' } } },
  ])('in another form does not count as identical: %o', (more) => {
    expect(ended('left').repeats.find(call(more))).toBeUndefined()
  })

  test('after its run was cancelled with its sender is for a new run', () => {
    expect(ended('left', { endsWithSender: true }).repeats.find(call())).toBeUndefined()
  })

  test('is remembered as long as configured, from the end of the first', async () => {
    const { clock, repeats } = ended('left')
    await clock.advance(999)
    expect(repeats.find(call())).toBe('run_1')
    await clock.advance(1)
    expect(repeats.find(call())).toBeUndefined()
  })
})

test('of two that were left, each is matched with one repeated request', () => {
  const repeats = repeatedRequests({ windowMs: 1000, clock: manualClock() })
  for (const run of ['run_1', 'run_2']) {
    const sender = new AbortController()
    const request = new Request('http://127.0.0.1/', { signal: sender.signal })
    repeats.begin(request, call(), run)
    sender.abort()
    repeats.end(request, sender.signal.reason)
  }
  const again = ['a', 'b'].map(() => {
    const run = repeats.find(call()) ?? ''
    repeats.begin(new Request('http://127.0.0.1/'), call(), run)
    return run
  })
  expect(again).toEqual(['run_1', 'run_2'])
  expect(repeats.find(call())).toBeUndefined()
})

test('is remembered only up to a limit', () => {
  const repeats = repeatedRequests({ windowMs: 1000, clock: manualClock() })
  for (let run = 0; run <= 10_000; run += 1) {
    repeats.begin(new Request('http://127.0.0.1/'), call({ video: { prompt: `cat ${run}` } }), `run_${run}`)
  }
  const find = (prompt: string) => repeats.find({ ...said, video: { prompt } })
  expect([find('cat 0'), find('cat 1'), find('cat 10000')]).toEqual([undefined, 'run_1', 'run_10000'])
})
