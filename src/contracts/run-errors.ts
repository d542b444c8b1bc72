import { ownOrSafe, SoraPipelineError, type SoraPipelineErrorOptions, toErrorJson } from './errors.js'
import type { GenerationHandle } from './generation-handle.js'
import type { JsonObject } from './json.js'
import type { Attempt } from './result.js'
import { redact } from './secrets/redact.js'
import type { VideoSource } from './source.js'

/**
 * A submission was sent and its outcome is unknown: the job may be running and costing money. The submission is never repeated
 * and never falls back to another generator. The message states why the outcome is unknown: the status, code or class of the
 * error, which is the `cause`, or the field of a response that cannot be read. `handle` is set if the id of the job is known. Not
 * retryable.
 */
export class SubmissionUnknownError extends SoraPipelineError {
  override readonly name = 'SubmissionUnknownError'
  readonly code = 'submission-unknown'
}

/**
 * A stage, a call or the run took longer than its deadline. After a submission, `handle` resumes the job. Retryable, but never
 * for a submission, unless `isRefusal` shows that nothing was accepted. Its `cause` is the last failure before the deadline: of the
 * last poll of a job, or the last attempt of a stage.
 */
export class StageTimeoutError extends SoraPipelineError {
  override readonly name = 'StageTimeoutError'
  readonly code = 'stage-timeout'
  /** The deadline that passed, in milliseconds. */
  readonly timeoutMs: number
  /** Whether nothing was accepted: the deadline passed before the submission, or after a lookup proved that there is no job. */
  readonly isRefusal: boolean

  constructor(
    message: string,
    options: SoraPipelineErrorOptions & { readonly timeoutMs: number; readonly isRefusal?: boolean | undefined },
  ) {
    super(message, { isRetryable: true, ...options })
    this.timeoutMs = options.timeoutMs
    this.isRefusal = options.isRefusal ?? false
  }

  protected override details(): JsonObject {
    return this.isRefusal ? { isRefusal: true } : {}
  }
}

/** Every strategy of a chain failed; `errors` has one for each, in order. Retryable when one of them is. */
export class AllStrategiesFailedError extends SoraPipelineError {
  override readonly name = 'AllStrategiesFailedError'
  readonly code = 'all-strategies-failed'
  readonly errors: readonly unknown[]

  constructor(message: string, options: SoraPipelineErrorOptions & { readonly errors: readonly unknown[] }) {
    super(message, { isRetryable: options.errors.some((error) => toErrorJson(error).isRetryable), ...options })
    this.errors = options.errors.map(ownOrSafe)
  }

  protected override details(): JsonObject {
    return { errors: this.errors.map(toErrorJson) }
  }
}

/**
 * A video exists, but only behind a key, and nothing uploaded it. `handle` and `source` reach it; `source` is not in the JSON
 * form. The message names every strategy that failed after the generation, and why. Not retryable.
 */
export class NoUsableUrlError extends SoraPipelineError {
  override readonly name = 'NoUsableUrlError'
  readonly code = 'no-usable-url'
  /** Opens the bytes with the generator's key. */
  readonly source: VideoSource
  /** Every attempt of the run; empty when a strategy threw the error. */
  readonly attempts: readonly Attempt[]

  constructor(
    message: string,
    options: SoraPipelineErrorOptions & {
      readonly handle?: GenerationHandle | undefined
      readonly source: VideoSource
      readonly attempts?: readonly Attempt[] | undefined
    },
  ) {
    super(message, options)
    this.source = options.source
    this.attempts = options.attempts ?? []
    Object.defineProperty(this, 'source', { enumerable: false })
  }

  protected override details(): JsonObject {
    return this.attempts.length === 0 ? {} : { attempts: this.attempts.map((attempt) => ({ ...attempt })) }
  }
}

/**
 * The store does not know the run, cannot read its state, or has another request under its id: not retryable. Or the store failed,
 * which `reason` shows: retryable, unless a job may be paid. Or this process stops working on a saved run, which `continues` shows.
 */
export class RunStateError extends SoraPipelineError {
  override readonly name: string = 'RunStateError'
  readonly code: 'run-state' | 'run-fenced' = 'run-state'
  /**
   * Why the store failed and where, such as `ENOSPC at /data/runs`; absent when the run itself is the problem. It is for the operator,
   * not for clients: `toOpenAiError` does not pass on the message of such an error.
   */
  readonly reason: string | undefined
  /**
   * Whether the run is saved and only this process has left it, because its pipeline or queue runner was closed: another process
   * continues it. Follow it under its id. `toOpenAiError` answers `run_continues`, and never asks for another request.
   */
  readonly continues: boolean

  constructor(
    message: string,
    options: SoraPipelineErrorOptions & { readonly reason?: string | undefined; readonly continues?: boolean } = {},
  ) {
    super(message, options)
    this.continues = options.continues ?? false
    Object.defineProperty(this, 'continues', { enumerable: false })
    this.reason = options.reason === undefined ? undefined : redact(options.reason)
    Object.defineProperty(this, 'reason', { enumerable: false })
  }

  protected override details(): JsonObject {
    return {
      ...(this.reason !== undefined && { reason: this.reason }),
      ...(this.continues && { continues: true }),
    }
  }
}

/** The `reason` of a run whose job is at a generator that the pipeline does not have. */
export const NO_GENERATOR = 'no generator of the chain fits its job'

/** The beginning of a `reason` that is a sentence about a store, such as that it is read-only: a person has to fix it. */
export const STORE_IS = 'the store is '

/** Another process saved the run in between: the compare-and-set failed, and this process stops without effect. */
export class FencedError extends RunStateError {
  override readonly name = 'FencedError'
  override readonly code = 'run-fenced'
}
