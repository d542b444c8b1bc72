import { RunStateError } from '../../contracts/run-errors.js'
import type { RunState } from '../state/run-state.js'
import { isAnswer } from './store-calls.js'

/**
 * The error of a run that cannot be saved; `undefined` for one that continues all the same, because a job is paid or may be. It is
 * retryable when nothing was accepted, as far as that can be known.
 */
export function failureToSave({ id, submission }: RunState, cause: unknown): RunStateError | undefined {
  const failure = (what: string, isRetryable: boolean) =>
    new RunStateError(`Could not save the run, ${what}: ${id}`, { cause, isRetryable })
  switch (submission?.state) {
    case 'accepted':
    case 'unknown':
      return undefined
    case 'sending':
      return submission.isResend
        ? failure('an earlier submission may have been accepted', false)
        : failure('nothing was sent', !isAnswer(cause))
    case 'ready':
      return failure(submission.sentAt === null ? 'nothing was sent' : 'nothing was accepted', !isAnswer(cause))
    default:
      return failure('nothing was sent', !isAnswer(cause))
  }
}
