import type { Clock } from './clock.js'

/** The four stages of a run, in order. */
export type StageName = 'generate' | 'publish' | 'resolve' | 'upload'

/**
 * Progress of a stage. `ratio` is 0 to 1 and only set if the upstream reports progress: it is never invented. Without it there is
 * a `phase` (a word such as `queued`), and events carry the elapsed time.
 */
export interface StageProgress {
  /** 0 to 1. Any other value, such as a percentage, is ignored, with one warning `invalid-progress` for each strategy. */
  readonly ratio?: number | undefined
  /** State in one word, such as `queued`. */
  readonly phase?: string | undefined
  /** A sentence for people. */
  readonly message?: string | undefined
  /** Bytes transferred so far. */
  readonly bytesDone?: number | undefined
  /** Bytes to transfer, if known. */
  readonly bytesTotal?: number | undefined
}

/** A problem that does not stop the run. */
export interface StageWarning {
  /** Code of the problem in kebab case, such as `unsupported-option`. */
  readonly code: string
  /** A sentence without secrets. */
  readonly message: string
}

/** Context that every strategy receives with its input. */
export interface StageContext {
  /** Id of the run. */
  readonly runId: string
  /**
   * Aborted when the run is cancelled or its deadline passes; reject with `signal.reason` then. The signal of a submission is
   * aborted only 30 seconds later (at once if `generate` is cancelled): a response within that time still counts.
   */
  readonly signal: AbortSignal
  /** Source of time for every wait of the strategy. */
  readonly clock: Clock
  /** Reports progress of the stage to the readers of the run. Cheap, may be called often, never throws. */
  report(progress: StageProgress): void
  /** Adds a `warning` event. May be absent in a context that is not the pipeline's. */
  readonly warn?: ((warning: StageWarning) => void) | undefined
}

/** Context of `start`, with a key that stays the same for one logical submission. */
export interface SubmitContext extends StageContext {
  /** At most 64 characters of `[a-z0-9_]`; send it if the upstream honours idempotency keys. */
  readonly idempotencyKey: string
  /**
   * Throws when this process no longer holds the run, because it was paused for so long that another process took over. Call it
   * right before you send the request. May be absent in a context that is not the pipeline's.
   */
  readonly confirm?: (() => void) | undefined
  /**
   * Address that the upstream may call when the job changes, from `wakeUrl` of the pipeline: https, or http of this machine. Send
   * it if the upstream takes one. It is the same for every submission of a run, and contains a token: keep it out of messages.
   */
  readonly callbackUrl?: string | undefined
}

/** Context of `find`: when and under which key the unknown submission was sent. */
export interface FindContext extends StageContext {
  /** Key that the unknown submission was sent with. */
  readonly idempotencyKey: string
  /**
   * Epoch milliseconds, by the wall clock of now, before which the job cannot have been created: when it was saved as intended, or an
   * hour earlier in another process, whose clock may differ.
   */
  readonly submittedAt: number
}
