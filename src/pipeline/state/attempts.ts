import type { ErrorCode, SoraPipelineErrorJson } from '../../contracts/errors.js'
import { RecordedError } from '../../contracts/recorded-error.js'
import type { Attempt } from '../../contracts/result.js'
import type { StageName } from '../../contracts/stage.js'

const LONGEST_MESSAGE = 500
const LONGEST_REASON = 160
const MOST_REASONS = 10

// Default retryability by code. The status is not kept; a submission is refused only with a permanent one.
const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'rate-limited',
  'overloaded',
  'circuit-open',
  'network',
  'upstream-response',
])
// After these no other generator was tried: a person or a lookup continued the run.
const OPEN_ENDS: ReadonlySet<ErrorCode> = new Set(['submission-unknown', 'stage-timeout'])

/** The attempt of a strategy that failed. */
export function failedAttempt(
  stage: StageName,
  strategy: string,
  error: Pick<SoraPipelineErrorJson, 'code' | 'message'>,
  durationMs: number,
): Attempt {
  const errorMessage = shortened(error.message, LONGEST_MESSAGE)
  return { stage, strategy, outcome: 'failed', errorCode: error.code, errorMessage, durationMs }
}

/** Error of a generator in this process. */
export interface GeneratorFailure {
  readonly attempt: Attempt
  readonly error: unknown
}

/** The errors of all failed generators: as thrown if this process has them, otherwise from the state. */
export function generatorErrorsOf(
  attempts: readonly Attempt[],
  known: readonly GeneratorFailure[],
): readonly unknown[] {
  const left = [...known]
  const isFailure = ({ stage, outcome, errorCode }: Attempt) =>
    stage === 'generate' && outcome === 'failed' && errorCode !== undefined && !OPEN_ENDS.has(errorCode)
  return attempts.filter(isFailure).map((attempt) => {
    const index = left.findIndex((failure) => isSame(failure.attempt, attempt))
    const [failure] = index < 0 ? [] : left.splice(index, 1)
    return failure === undefined ? recorded(attempt) : failure.error
  })
}

/** Why there is no URL: each strategy that failed last in a stage after the generation, with a short reason. */
export function reasonsOf(attempts: readonly Attempt[]): readonly string[] {
  const last = new Map<string, Attempt>()
  for (const attempt of attempts) if (attempt.stage !== 'generate') last.set(placeOf(attempt), attempt)
  const reasons = [...last.values()].filter(({ outcome }) => outcome === 'failed').map(reasonOf)
  const more = reasons.length - MOST_REASONS
  return more > 0 ? [...reasons.slice(0, MOST_REASONS), `${more} more`] : reasons
}

function reasonOf({ strategy, errorCode = 'unexpected', errorMessage }: Attempt): string {
  const reason = errorMessage === undefined ? '' : `: ${shortened(errorMessage, LONGEST_REASON)}`
  return `${strategy} failed (${errorCode}${reason})`
}

function placeOf({ stage, strategy }: Attempt): string {
  return `${stage} ${strategy}`
}

function isSame(one: Attempt, other: Attempt): boolean {
  return (
    one === other ||
    (one.strategy === other.strategy &&
      one.errorCode === other.errorCode &&
      one.errorMessage === other.errorMessage &&
      one.durationMs === other.durationMs)
  )
}

// Of another process, without its class and facts.
function recorded({ stage, strategy, errorCode: code = 'unexpected', errorMessage }: Attempt): RecordedError {
  const message = errorMessage ?? `Could not generate with ${strategy}: ${code}`
  return new RecordedError({ name: 'RecordedError', code, message, isRetryable: RETRYABLE.has(code), stage, strategy })
}

/** A text cut to a length, with an ellipsis. */
export function shortened(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest - 1).toWellFormed()}…` : text
}
