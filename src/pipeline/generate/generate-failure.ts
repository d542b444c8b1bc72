import { allFailed } from '../../calling/all-failed.js'
import { isSoraPipelineError, locateError, type SoraPipelineErrorOptions, toErrorJson } from '../../contracts/errors.js'
import type { Generator } from '../../contracts/generator.js'
import { requestIdOf } from '../../contracts/request-id.js'
import type { Attempt } from '../../contracts/result.js'
import { StageTimeoutError, SubmissionUnknownError } from '../../contracts/run-errors.js'
import { whyUnknown } from '../../contracts/submission.js'
import { GenerationFailedError } from '../../contracts/upstream-errors.js'
import type { RunSession } from '../run-session.js'
import { placeOf } from '../stage-work.js'
import { failedAttempt, generatorErrorsOf } from '../state/attempts.js'
import { handleOf } from '../state/submission.js'
import { endJob } from '../tracing/job-trace.js'

/** A failure and the duration of the attempt. */
export interface Failure {
  readonly error: unknown
  readonly durationMs: number
}

/** The error of a run whose generators all failed, including those that failed in another process. */
export function endOfChain(session: RunSession, last: unknown, generator: Generator): unknown {
  const isVerdict = isSoraPipelineError(last) && last.code === 'content-rejected'
  const names = [...new Set(session.state.attempts.map(({ strategy }) => strategy))].map((name) => ({ name }))
  const errors = generatorErrorsOf(session.state.attempts, session.generatorFailures)
  if (errors.length > 1 && !isVerdict) return allFailed('generate', names, errors)
  if (isSoraPipelineError(last)) return last
  const { message } = toErrorJson(last)
  return new GenerationFailedError(`Could not generate with ${generator.name}: ${message}`, { cause: last })
}

/** Records that a generator failed once. */
export function attemptFailed(session: RunSession, generator: Generator, failure: Failure): Attempt {
  const { durationMs } = failure
  const error = toErrorJson(locateError(failure.error, { stage: 'generate', strategy: generator.name }))
  const attempt = failedAttempt('generate', generator.name, error, durationMs)
  session.journal.note({ attempts: [...session.state.attempts, attempt] })
  session.log.append({ type: 'attempt-failed', ...placeOf('generate', generator), error, durationMs })
  endJob(session, { error, durationMs })
  return attempt
}

/** Records that there will be no video, and returns the error with its place and handle. */
export function failStage(session: RunSession, error: unknown, generator: Generator): unknown {
  if (session.signal.aborted || (isSoraPipelineError(error) && error.code.startsWith('run-'))) return error
  const { submission, stepStartedAt = session.time.now() } = session.state
  locateError(error, { stage: 'generate', strategy: generator.name, handle: handleOf(submission) })
  const durationMs = session.time.now() - stepStartedAt
  session.log.append({ type: 'stage-failed', ...placeOf('generate', generator), error: toErrorJson(error), durationMs })
  return error
}

/** The error of a submission that may have been accepted. */
export function asUnknown(error: unknown, generator: Generator): unknown {
  if (isSoraPipelineError(error) && error.code === 'submission-unknown') return error
  const why = whyUnknown(error)
  const reason = why === undefined ? '' : ` ${why};`
  const message = `Could not learn whether the submission was accepted,${reason} it is not repeated: ${generator.name}`
  return new SubmissionUnknownError(message, { cause: error, requestId: requestIdOf(error) })
}

/** The error of a submission whose process exited, and the response with it. */
export function lostAnswer(generator: Generator): SubmissionUnknownError {
  return new SubmissionUnknownError(
    `Could not learn the outcome of the submission, the submitting process exited: ${generator.name}`,
  )
}

/** The error of a generator that took too long. */
export function tooLate(
  generator: Generator,
  timeoutMs: number,
  {
    after = '',
    ...options
  }: Pick<SoraPipelineErrorOptions, 'cause' | 'handle' | 'isRetryable'> & {
    readonly after?: string
    readonly isRefusal?: boolean
  } = {},
): StageTimeoutError {
  const message = `Could not generate with ${generator.name} in time: ${timeoutMs} ms${after && `, ${after}`}`
  return new StageTimeoutError(message, { ...options, timeoutMs })
}

/** The error of a deadline that passed before the submission, or after the proof that it was not accepted: no job can be running. */
export function tooLateToSubmit(generator: Generator, timeoutMs: number): StageTimeoutError {
  return tooLate(generator, timeoutMs, { after: 'nothing was accepted', isRefusal: true })
}

/** The error of a job that took too long; its cause is the failure of the last poll. */
export function jobTooLate(
  { lastMiss, state }: RunSession,
  generator: Generator,
  timeoutMs: number,
): StageTimeoutError {
  // The job is paid and may still be running.
  const isRetryable = false
  if (lastMiss === undefined) return tooLate(generator, timeoutMs, { isRetryable })
  const after = `the last poll failed: ${toErrorJson(lastMiss.error).message}`
  return tooLate(generator, timeoutMs, {
    after,
    handle: handleOf(state.submission),
    cause: lastMiss.error,
    isRetryable,
  })
}
