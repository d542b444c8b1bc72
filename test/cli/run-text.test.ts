import { describe, expect, it } from 'vitest'
import { paymentOf, submissionText } from '../../src/cli/runs/run-text.js'
import { SoraPipeline, UpstreamHttpError } from '../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

type Details = Parameters<typeof submissionText>[0]

const details = (status: string, submission: object, fields: object = {}) =>
  ({ status, failedJobs: [], submission: { number: 1, sendCount: 1, ...submission }, ...fields }) as unknown as Details
const job = { generator: 'a', operation: { id: 'wrong' }, startedAt: 0 }
const notFound = { code: 'upstream-http', message: 'Could not poll the job: 404', isRetryable: false, status: 404 }

describe('the state of a submission in words', () => {
  it.each<[string, string, Details]>([
    ['not sent', 'before it', details('running', { state: 'ready' })],
    ['not accepted, and not sent again yet', 'after a lookup', details('running', { state: 'ready', sentAt: 5 })],
    ['being sent, no answer is saved yet', 'under way', details('running', { state: 'sending', sentAt: 5 })],
    [
      'refused: nothing was accepted',
      'that was refused',
      details('failed', { state: 'sending', sentAt: 5 }, { isRefused: true }),
    ],
    ['refused: nothing was accepted', 'refused after others', details('failed', { state: 'sending', number: 2 })],
    [
      'sent, and no answer shows whether it was accepted',
      'that was aborted',
      details('failed', { state: 'sending' }, { upstream: { state: 'unknown', generator: 'a' } }),
    ],
    ['sent, and not known to be accepted', 'in doubt', details('needs-review', { state: 'unknown' })],
    ['accepted: the generator has the job', 'that succeeded', details('completed', { state: 'accepted', handle: job })],
    [
      'settled or accepted with a job that the generator does not know',
      'whose job is refuted',
      details('failed', { state: 'accepted', handle: job }, { error: notFound }),
    ],
  ])('is "%s" %s', (text, _, run) => {
    expect(submissionText(run)).toBe(text)
  })
})

it('a job that the generator does not know is not reported as paid', () => {
  const run = details('failed', { state: 'accepted', handle: job }, { error: notFound })
  expect(paymentOf(run)).toBe('not known: the generator does not know the job of submission 1')
})

it('a run that was settled with a wrong job is one whose job is refuted', async () => {
  const clock = manualClock()
  const lost = () => Promise.reject(new UpstreamHttpError('Could not create the video: 502', { status: 502 }))
  const poll = () => Promise.reject(new UpstreamHttpError('Could not poll the job: 404', { status: 404 }))
  const generator = { ...fakeTaskGenerator({ name: 'a' }), start: lost, poll }
  const pipeline = new SoraPipeline({ generator, clock })
  await clock.runUntil(pipeline.generate({ prompt: 'A cat' }, { id: 'run_1' }).catch(() => undefined))
  const settled = await pipeline.settle('run_1', { operation: { id: 'wrong' } })
  await clock.runUntil(settled.result.catch(() => undefined))
  const run = await pipeline.inspect('run_1')
  expect(run && submissionText(run)).toBe('settled or accepted with a job that the generator does not know')
})
