import { expect, it, test } from 'vitest'
import { changeInDoubt } from '../../src/cli/runs/change-in-doubt.js'
import { paymentOf } from '../../src/cli/runs/run-text.js'
import { RunStateError } from '../../src/index.js'

type Details = Parameters<typeof paymentOf>[0]

const paid = (submission: object, more: object = {}) =>
  paymentOf({
    status: 'needs-review',
    failedJobs: [],
    submission: { state: 'unknown', number: 1, sendCount: 1, ...submission },
    ...more,
  } as unknown as Details)

test.each([
  [{}, {}, 'not known: submission 1 was sent, and one job may have been accepted'],
  [{ sendCount: 5 }, {}, 'not known: submission 1 was sent 5 times, and up to 5 jobs may have been accepted'],
  [
    { state: 'accepted', number: 2 },
    { failedJobs: ['one'] },
    'one job: submission 2 was accepted; before it a job was accepted, and failed, at one',
  ],
  [
    { state: 'accepted', number: 3 },
    { failedJobs: ['one'] },
    'one job: submission 3 was accepted; before it a job was accepted, and failed, at one; the attempts show how 1 other submissions ended',
  ],
])('of %j and %j the payment is reported', (submission, more, expected) => {
  expect(paid(submission, more)).toBe(expected)
})

it('a change whose store did not answer is reported as one that may have been made', async () => {
  const slow = new RunStateError('Could not settle the run, the store is down: run_1', {
    isRetryable: true,
    cause: new RunStateError('Could not save in the store, no answer within: 10000 ms', { isRetryable: true }),
  })
  await expect(changeInDoubt('run_1', () => Promise.reject(slow))).rejects.toThrow(
    'Could not confirm the change (Could not settle the run, the store is down: run_1: Could not save in the store, no answer within: 10000 ms), it may have been made, run sora-pipeline runs show before you repeat it: run_1',
  )
  const final = new RunStateError('Could not settle the run, it is not in review but running: run_1')
  await expect(changeInDoubt('run_1', () => Promise.reject(final))).rejects.toBe(final)
})
