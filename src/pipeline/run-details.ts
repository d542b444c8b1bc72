import type { UpstreamState } from '../contracts/events.js'
import type { GenerationHandle } from '../contracts/generation-handle.js'
import type { Publication } from '../contracts/publisher.js'
import type { Attempt, RunWarning } from '../contracts/result.js'
import { checkIsText } from './check-request.js'
import { acceptedVerdicts, type VerdictKind } from './journal/settle-run.js'
import { loadRun } from './journal/store-calls.js'
import type { PipelineConfig } from './pipeline-config.js'
import { type RunRecord, recordOf } from './run-record.js'
import type { Candidate, RunState } from './state/run-state.js'
import { sendCountOf } from './state/send-count.js'
import { handleOf } from './state/submission.js'

/** A run with everything that a person needs to decide about it. */
export interface RunDetails extends RunRecord {
  /** Every call of a strategy that has ended, in order. */
  readonly attempts: readonly Attempt[]
  /** Problems that did not stop the run, in order. */
  readonly warnings: readonly RunWarning[]
  /** Every public URL of the video so far, in order of arrival. */
  readonly candidates: readonly Candidate[]
  /** The latest submission to a generator; absent in a run that the store has forgotten except for its outcome. */
  readonly submission?: SubmissionDetails
  /** Names of the generators whose accepted jobs failed, without that of the latest submission. A provider may bill a failed job. */
  readonly failedJobs: readonly string[]
  /** What a run that has ended left at the generator, as known by the process that ended it. */
  readonly upstream?: UpstreamState
  /**
   * `true` for a run whose process ended, or lost the store, while it worked on the current stage: what that stage does may have
   * happened, and is done again when the run continues. After `publish` two posts may exist.
   */
  readonly isInterrupted?: boolean
  /** The post, if one was made. */
  readonly publication?: Publication
  /**
   * The verdicts that `settle` accepts for the run, as far as the store shows it: `operation` for a job that a person found,
   * `not-submitted` if the upstream has no job. Empty for a run that needs no person.
   */
  readonly verdicts: readonly VerdictKind[]
}

/** One submission to one generator. */
export interface SubmissionDetails {
  /**
   * - `ready`: not sent.
   * - `sending`: about to be sent, or sent without a saved answer.
   * - `unknown`: sent, and it is not known whether the upstream accepted it. A job may be paid.
   * - `accepted`: the upstream has the job, which is paid.
   */
  readonly state: 'ready' | 'sending' | 'unknown' | 'accepted'
  /** Counts the submissions of the run, from 1. */
  readonly number: number
  /** Name of the generator; absent before it is chosen. */
  readonly generator?: string
  /** What the job belongs to, such as origin and path of the base URL, if the generator names it. */
  readonly upstream?: string
  /** When it was first sent, in epoch milliseconds; absent before. */
  readonly sentAt?: number
  /**
   * How often it was sent: again only after a lookup did not find the job of the send before. Each send may be a paid job where the list
   * of the lookup does not show the jobs of this key.
   */
  readonly sendCount: number
  /** The job, once it is accepted. */
  readonly handle?: GenerationHandle
}

/** The details of a run; `undefined` when the store does not know it, or it was removed. */
export async function readDetails(config: PipelineConfig, id: string): Promise<RunDetails | undefined> {
  checkIsText(id)
  const loaded = await loadRun(config.store, id)
  if (loaded === undefined || loaded.state.removedAt !== undefined) return undefined
  const { state } = loaded
  const { attempts, warnings, candidates = [], upstream, publication, paid = [] } = state
  const submission = submissionOf(state)
  const record = recordOf(config, loaded)
  const isHeld = state.worker !== undefined || state.formerLease !== undefined
  return {
    ...record,
    attempts,
    warnings,
    candidates,
    ...(submission && { submission }),
    failedJobs: paid.filter((name) => name !== submission?.generator),
    ...(upstream && { upstream }),
    ...(record.status === 'running' && !record.isAttended && isHeld && { isInterrupted: true }),
    ...(publication && { publication }),
    verdicts: acceptedVerdicts(state),
  }
}

function submissionOf({ submission }: RunState): SubmissionDetails | undefined {
  if (submission === undefined) return undefined
  const { state, number, generator, upstream, sentAt } = submission
  const handle = handleOf(submission)
  return {
    state,
    number,
    ...(generator !== null && { generator }),
    ...(upstream !== null && { upstream }),
    ...(sentAt !== null && { sentAt }),
    sendCount: sendCountOf(submission),
    ...(handle && { handle }),
  }
}
