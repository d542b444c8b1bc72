import type { VideoRequest } from '../contracts/request.js'

/** What belongs to one run. */
export interface RunOptions {
  /** Aborts the run, as `run.cancel` does. */
  readonly signal?: AbortSignal | undefined
  /**
   * 1 to 255 characters. An id that the store knows joins or resumes that run; it never starts a second.
   * @defaultValue `run_` and 128 random bits
   */
  readonly id?: string | undefined
  /**
   * Who the run belongs to, 1 to 255 characters and no secret: kept with the run, so that a backend can show it to nobody else.
   * An id that is known under another owner is refused.
   */
  readonly owner?: string | undefined
}

/** What belongs to a run of an adopted job. */
export interface AdoptOptions extends Pick<RunOptions, 'id' | 'owner'> {
  /** What the job was submitted for; without it no other generator is tried when the job fails. */
  readonly request?: VideoRequest | undefined
}

/** What a run is opened with beyond what its caller gives. */
export type Opened = { readonly delayMs?: number; readonly retryOf?: string }
