import type { VideoRequest } from './request.js'

/** What `beforeSubmit` knows beside the request. */
export interface BeforeSubmitContext {
  /** Id of the run. */
  readonly runId: string
  /** Owner of the run, if it has one. */
  readonly owner?: string | undefined
  /**
   * Known costs of the newest 1,000 runs of the owner that the store has, by currency, such as `{ USD: 12.4 }`; of all runs
   * for a run without an owner. A job counts once its upstream has reported a cost: those in progress usually count nothing, so
   * that submissions at the same moment may exceed a budget together.
   */
  readonly spent: Readonly<Record<string, number>>
  /** Aborted with the run, and after 10 seconds. */
  readonly signal: AbortSignal
}

/** Allows a submission, or refuses it by a reason for the caller. */
export type BeforeSubmit = (
  request: VideoRequest,
  context: BeforeSubmitContext,
) => string | undefined | Promise<string | undefined>

/** `strategy` of an error with which `beforeSubmit` refused a submission: nothing was sent to a generator. */
export const BEFORE_SUBMIT = 'beforeSubmit'
