import * as z from 'zod/mini'
import type { CancelOutcome } from '../../../contracts/generator.js'
import { UpstreamHttpError } from '../../../contracts/upstream-errors.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { readJsonAnswer, readJsonBody } from '../../../upstream/json-answer.js'
import type { JobReader } from '../answers/job-answer.js'
import { type JobState, jobStateOf } from '../answers/job-state.js'
import { reportsError } from './started-job.js'

const TERMINAL: ReadonlySet<JobState> = new Set(['completed', 'failed', 'moderated', 'cancelled', 'expired'])
// Statuses of servers that cannot cancel, or not this job, or not at this point.
const CANNOT: ReadonlySet<number> = new Set([400, 404, 405, 409, 410, 422, 501])

// The cancellation was answered, and the job is still running.
const RUNNING: ReadonlySet<JobState> = new Set(['queued', 'running'])

const CancelAnswer = z.looseObject({
  deleted: z.catch(z.optional(z.boolean()), undefined),
  cancelled: z.catch(z.optional(z.boolean()), undefined),
  canceled: z.catch(z.optional(z.boolean()), undefined),
  status: z.catch(z.optional(z.string()), undefined),
})

/** How a job is cancelled. */
export interface Cancellation {
  /** The request that reads the job. */
  readonly poll: Pick<ApiCall, 'method' | 'url' | 'json' | 'headers'>
  /** The request that cancels it. */
  readonly cancel: Pick<ApiCall, 'method' | 'url' | 'json' | 'headers'>
  readonly read: JobReader
  /** Statuses of a server that cancels jobs, but not this one at this point. */
  readonly lateStatuses?: readonly number[] | undefined
}

/**
 * Polls the job and cancels it only while it runs: at many servers the same request discards the paid video of a
 * finished job. A server that cannot cancel, or does not know the job, is `unsupported`.
 */
export async function cancelJob(
  api: Api,
  { poll, cancel, read, lateStatuses = [] }: Cancellation,
  call: Pick<ApiCall, 'signal' | 'timeoutMs' | 'maxBytes'>,
): Promise<CancelOutcome> {
  try {
    const polled = await api.call({ ...call, ...poll, what: 'poll the job before cancelling it' })
    const { state } = read(readJsonBody(polled), { phase: 'poll' })
    if (state !== undefined && TERMINAL.has(jobStateOf(state))) return outcomeOfEnd(state)
    return outcomeOf(await api.call({ ...call, ...cancel, what: 'cancel the job' }), read)
  } catch (error) {
    if (error instanceof UpstreamHttpError && lateStatuses.includes(error.status)) return 'too-late'
    if (error instanceof UpstreamHttpError && CANNOT.has(error.status)) return 'unsupported'
    throw error
  }
}

function outcomeOf(answer: ApiAnswer, read: JobReader): CancelOutcome {
  if (answer.text.trim() === '') return 'cancelled'
  const { deleted, cancelled, canceled, status } = readJsonAnswer(answer, CancelAnswer)
  const state = status === undefined ? undefined : jobStateOf(status)
  if (status !== undefined && state !== undefined && TERMINAL.has(state) && state !== 'failed')
    return outcomeOfEnd(status)
  const isRefused = [deleted, cancelled, canceled].includes(false) || (state !== undefined && RUNNING.has(state))
  if (isRefused || reportsError(read(readJsonBody(answer), { phase: 'poll' }))) return 'unsupported'
  return state === 'failed' ? 'too-late' : 'cancelled'
}

function outcomeOfEnd(status: string): CancelOutcome {
  return jobStateOf(status) === 'cancelled' ? 'cancelled' : 'too-late'
}
