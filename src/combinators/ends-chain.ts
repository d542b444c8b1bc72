import { isSoraPipelineError } from '../contracts/errors.js'

/** Whether a failure ends the chain: a submission with unknown outcome, or a moderation verdict that must be respected. */
export function endsChain(error: unknown, continueOn: readonly 'content-rejected'[] = []): boolean {
  if (!isSoraPipelineError(error)) return false
  return error.code === 'submission-unknown' || (error.code === 'content-rejected' && !continueOn.includes(error.code))
}
