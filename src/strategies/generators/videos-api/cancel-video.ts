import * as z from 'zod/mini'
import type { CancelOutcome } from '../../../contracts/generator.js'
import { UpstreamHttpError } from '../../../contracts/upstream-errors.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { readJsonAnswer, readJsonBody } from '../../../upstream/json-answer.js'
import { type JobState, jobStateOf } from '../answers/job-state.js'
import { readJob } from './job-answer.js'

const TERMINAL: ReadonlySet<JobState> = new Set(['completed', 'failed', 'moderated', 'cancelled', 'expired'])
// Statuses of servers that cannot cancel, or not this job, or not at this point.
const CANNOT: ReadonlySet<number> = new Set([400, 404, 405, 409, 410, 422, 501])

const DeleteAnswer = z.looseObject({
  deleted: z.catch(z.optional(z.boolean()), undefined),
  status: z.catch(z.optional(z.string()), undefined),
})

/**
 * Polls the job and deletes it only while it runs: in this family `DELETE` of a finished job discards the paid video.
 * A server that cannot cancel, or does not know the job, is `unsupported`.
 */
export async function cancelVideo(
  api: Api,
  job: { readonly id: string; readonly url: string },
  call: Pick<ApiCall, 'signal' | 'timeoutMs' | 'maxBytes'>,
): Promise<CancelOutcome> {
  try {
    const polled = await api.call({ ...call, what: 'poll the job before cancelling it', method: 'GET', url: job.url })
    const { state } = readJob(readJsonBody(polled))
    if (state !== undefined && TERMINAL.has(jobStateOf(state))) return outcomeOfEnd(state)
    const url = api.address(`/videos/${encodeURIComponent(job.id)}`)
    return outcomeOf(await api.call({ ...call, what: 'cancel the job', method: 'DELETE', url }))
  } catch (error) {
    if (error instanceof UpstreamHttpError && CANNOT.has(error.status)) return 'unsupported'
    throw error
  }
}

function outcomeOf(answer: ApiAnswer): CancelOutcome {
  if (answer.text.trim() === '') return 'cancelled'
  const { deleted, status } = readJsonAnswer(answer, DeleteAnswer)
  if (deleted === false) return 'unsupported'
  return status !== undefined && TERMINAL.has(jobStateOf(status)) ? outcomeOfEnd(status) : 'cancelled'
}

function outcomeOfEnd(status: string): CancelOutcome {
  return jobStateOf(status) === 'cancelled' ? 'cancelled' : 'too-late'
}
