import { isSoraPipelineError, toErrorJson } from '../contracts/errors.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'

/** Whether a strategy threw an error of another run, such as of a pipeline that the strategy uses. */
export function isOfOtherRun(thrown: unknown): boolean {
  return isSoraPipelineError(thrown) && thrown.code.startsWith('run-')
}

/** The error of a strategy. An error of another run is wrapped, so that it is not mistaken for an error of this run. */
export function strategyErrorOf(strategy: { readonly name: string }, thrown: unknown): unknown {
  if (!isOfOtherRun(thrown)) return thrown
  const { name, message } = toErrorJson(thrown)
  const text = `Could not use ${strategy.name}, it failed with ${name}: ${message}`
  return new UpstreamResponseError(text, { cause: thrown, strategy: strategy.name, isRetryable: false })
}
