import { isSoraPipelineError } from '../../../contracts/errors.js'
import { SubmissionUnknownError } from '../../../contracts/run-errors.js'
import { mayHaveBeenAccepted } from '../../../contracts/submission.js'

/** The error with which `start` rejects: the outcome is unknown, unless the error proves that nothing was accepted. */
export function submissionError(error: unknown, name: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (!mayHaveBeenAccepted(error)) return error
  const reason = isSoraPipelineError(error) ? error.message : 'no answer'
  return new SubmissionUnknownError(`Could not learn whether ${name} accepted the job: ${reason}`, { cause: error })
}
