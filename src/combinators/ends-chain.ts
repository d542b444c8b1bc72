import { isSoraPipelineError } from '../contracts/errors.js'

/**
 * Whether after a failure no other strategy may be tried: the outcome of a submission is not known, or a moderation verdict is
 * to be respected.
 */
export function endsChain(error: unknown, continueOn: readonly 'content-rejected'[] = []): boolean {
  if (!isSoraPipelineError(error)) return false
  return error.code === 'submission-unknown' || (error.code === 'content-rejected' && !continueOn.includes(error.code))
}
