import * as z from 'zod/mini'
import { toErrorJson } from '../../../contracts/errors.js'
import type { CancelOutcome } from '../../../contracts/generator.js'
import type { StageContext } from '../../../contracts/stage.js'
import { mayHaveBeenAccepted } from '../../../contracts/submission.js'
import { UpstreamHttpError } from '../../../contracts/upstream-errors.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { readJsonAnswer, readJsonBody } from '../../../upstream/json-answer.js'
import type { JobReader } from '../answers/job-answer.js'
import { type JobState, jobStateOf } from '../answers/job-state.js'
import { messageOf, reportsError } from './started-job.js'

const TERMINAL: ReadonlySet<JobState> = new Set(['completed', 'failed', 'moderated', 'cancelled', 'expired'])
// Statuses of servers that cannot cancel, or not this job, or not at this point.
const CANNOT: ReadonlySet<number> = new Set([400, 404, 405, 409, 410, 422, 501])
const NO_ROUTE: ReadonlySet<number> = new Set([405, 501])
const GONE: ReadonlySet<number> = new Set([404, 410])

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
}

/**
 * Polls the job and cancels it only while it runs: at many servers the same request discards the paid video of a
 * finished job. A server that does not know the job is `unsupported`.
 *
 * A status that refuses the cancellation does not show that the job has ended: only another poll does. A job that still
 * runs is `unsupported`, with a warning that carries the reason. A cancellation whose answer was lost is settled by a
 * poll: a job that was known before it and is gone after it was cancelled. If the poll shows that the job still runs, the
 * call rejects, and can be repeated.
 */
export async function cancelJob(
  api: Api,
  { poll, cancel, read }: Cancellation,
  call: Pick<ApiCall, 'signal' | 'timeoutMs' | 'maxBytes'>,
  warn?: StageContext['warn'],
): Promise<CancelOutcome> {
  const stateOfJob = async (what: string) => {
    const { state } = read(readJsonBody(await api.call({ ...call, ...poll, what })), { phase: 'poll' })
    return state !== undefined && TERMINAL.has(jobStateOf(state)) ? state : undefined
  }
  let ended: string | undefined
  try {
    ended = await stateOfJob('poll the job before cancelling it')
  } catch (error) {
    if (statusIn(error, CANNOT)) return 'unsupported'
    throw error
  }
  if (ended !== undefined) return outcomeOfEnd(ended)
  try {
    return outcomeOf(await api.call({ ...call, ...cancel, what: 'cancel the job' }), read, warn)
  } catch (error) {
    if (statusIn(error, NO_ROUTE)) return 'unsupported'
    const isRefused = statusIn(error, CANNOT)
    // Such as a key that was refused: a poll would be refused as well.
    if (!isRefused && !mayHaveBeenAccepted(error)) throw error
    const state = await afterwards(() => stateOfJob('poll the job after cancelling it'), isRefused, error)
    if (state !== undefined) return outcomeOfEnd(state)
    if (!isRefused) throw error
    warn?.({ code: 'cancel-refused', message: `${toErrorJson(error).message}; the job is still running` })
    return 'unsupported'
  }
}

/** The state of a job that has ended, once a cancellation of it was refused or had no answer. */
async function afterwards(
  stateOfJob: () => Promise<string | undefined>,
  isRefused: boolean,
  refusal: unknown,
): Promise<string | undefined> {
  try {
    return await stateOfJob()
  } catch (error) {
    if (!statusIn(error, GONE)) throw isRefused ? error : refusal
    return isRefused ? undefined : 'cancelled'
  }
}

function statusIn(error: unknown, statuses: ReadonlySet<number>): boolean {
  return error instanceof UpstreamHttpError && statuses.has(error.status)
}

function outcomeOf(answer: ApiAnswer, read: JobReader, warn: StageContext['warn']): CancelOutcome {
  if (answer.text.trim() === '') return 'cancelled'
  const { deleted, cancelled, canceled, status } = readJsonAnswer(answer, CancelAnswer)
  const state = status === undefined ? undefined : jobStateOf(status)
  if (status !== undefined && state !== undefined && TERMINAL.has(state) && state !== 'failed')
    return outcomeOfEnd(status)
  const isRefused = [deleted, cancelled, canceled].includes(false) || (state !== undefined && RUNNING.has(state))
  const job = read(readJsonBody(answer), { phase: 'poll' })
  if (isRefused || reportsError(job)) {
    warn?.({ code: 'cancel-refused', message: `${messageOf(job, answer)}; the job may still be running` })
    return 'unsupported'
  }
  return state === 'failed' ? 'too-late' : 'cancelled'
}

function outcomeOfEnd(status: string): CancelOutcome {
  return jobStateOf(status) === 'cancelled' ? 'cancelled' : 'too-late'
}
