import type { Clock } from './clock.js'

/** The four stages of a run, in order. */
export type StageName = 'generate' | 'publish' | 'resolve' | 'upload'

/**
 * How far a stage is. `ratio` is 0 to 1 and only given when the upstream tells one: it is never invented. Without it there is
 * a `phase` (a word such as `queued`), and events carry the elapsed time.
 */
export interface StageProgress {
  /** 0 to 1. Anything else, such as a percentage, is left out, with one warning `invalid-progress` for each strategy. */
  readonly ratio?: number | undefined
  /** A short word for what is going on, such as `queued`. */
  readonly phase?: string | undefined
  /** A sentence for people. */
  readonly message?: string | undefined
  /** Bytes that were transferred. */
  readonly bytesDone?: number | undefined
  /** Bytes to transfer, where that is known. */
  readonly bytesTotal?: number | undefined
}

/** A problem that does not stop the run. */
export interface StageWarning {
  /** A kebab-case word, such as `unsupported-option`. */
  readonly code: string
  /** A sentence without secrets. */
  readonly message: string
}

/** What every strategy is given with its input. */
export interface StageContext {
  /** Id of the run. */
  readonly runId: string
  /**
   * Aborted when the run is cancelled or its deadline passes; reject with `signal.reason` then. That of a submission is aborted only 30
   * seconds later (at once where `generate` is cancelled): an answer that comes by then is heard.
   */
  readonly signal: AbortSignal
  /** Source of time for every wait of the strategy. */
  readonly clock: Clock
  /** Tells the readers of the run how far the stage is. Cheap, may be called often, never throws. */
  report(progress: StageProgress): void
  /** Adds a `warning` event. Absent in contexts that were made by hand without it. */
  readonly warn?: ((warning: StageWarning) => void) | undefined
}

/** What `start` is given: a context with a key that stays the same for one logical submission. */
export interface SubmitContext extends StageContext {
  /** At most 64 characters of `[a-z0-9_]`; send it where the upstream honours idempotency keys. */
  readonly idempotencyKey: string
  /**
   * Throws when this process does not own the run any more, because it was paused for so long that another took over. Call it
   * right before the request leaves. Absent in contexts that were made by hand without it.
   */
  readonly confirm?: (() => void) | undefined
}

/** What `find` is given: when and under which key the unknown submission was sent. */
export interface FindContext extends StageContext {
  /** Key that the unknown submission was sent with. */
  readonly idempotencyKey: string
  /** Epoch milliseconds of the intent; the job cannot be older. */
  readonly submittedAt: number
}
