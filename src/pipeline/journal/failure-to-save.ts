import type { RunStateError } from '../../contracts/run-errors.js'
import type { RunState } from '../state/run-state.js'
import { isAnswer, storeFailure } from './store-calls.js'

// The store has the run: starting another one in its place may pay twice.
const UNSENT = 'nothing was sent yet, and it continues under its id once it is recovered or resumed'

/**
 * The error of a run that cannot be saved; `undefined` for a run that continues, because a job is or may be paid. Retryable when
 * nothing was accepted, as far as known.
 */
export function failureToSave({ id, submission }: RunState, cause: unknown): RunStateError | undefined {
  const failure = (what: string, isRetryable: boolean) =>
    storeFailure(`Could not save the run, ${what}: ${id}`, cause, isRetryable)
  switch (submission?.state) {
    case 'accepted':
    case 'unknown':
      return undefined
    case 'sending':
      return submission.isResend
        ? failure('an earlier submission may have been accepted', false)
        : failure(UNSENT, !isAnswer(cause))
    case 'ready':
      return failure(submission.sentAt === null ? UNSENT : 'nothing was accepted', !isAnswer(cause))
    default:
      return failure(UNSENT, !isAnswer(cause))
  }
}
