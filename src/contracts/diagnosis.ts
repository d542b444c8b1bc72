import type { Clock } from './clock.js'

/** What a strategy may offer for diagnosis, such as to `sora-pipeline doctor`. */
export interface Diagnosable {
  /** Base URLs of the services that it calls, without credentials. */
  readonly endpoints?: readonly string[] | undefined
  /**
   * Checks with read-only requests, which cost nothing, whether its service answers and accepts the credential. Rejects with the
   * reason if not.
   */
  check?(context: CheckContext): Promise<void>
}

/** Context of {@link Diagnosable.check}. */
export interface CheckContext {
  /** Aborted when the result is no longer awaited. */
  readonly signal: AbortSignal
  /** Clock of the pipeline. */
  readonly clock: Clock
}
