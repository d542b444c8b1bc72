import type { FailedTask } from '../../../contracts/generator.js'
import { ContentRejectedError, GenerationFailedError, UpstreamHttpError } from '../../../contracts/upstream-errors.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { readJsonBody } from '../../../upstream/json-answer.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { hasId } from '../answers/answer-layers.js'
import { JobAnswer, type JobReader, readIfPossible } from '../answers/job-answer.js'
import { hasError, isFiltered, isModerated } from '../answers/job-failure.js'
import { type JobState, jobStateOf } from '../answers/job-state.js'
import { type FinishedJob, namedVideo } from './finished-job.js'

const ENDED: ReadonlySet<JobState> = new Set(['completed', 'failed', 'moderated', 'cancelled', 'expired'])
// In answer to the request for a result, the answer of the model to its input.
const VERDICTS: ReadonlySet<number> = new Set([400, 413, 422])

/** Whether an answer outside 2xx is the job: vLLM-Omni answers the poll of a failed job with the status of its error. */
export function isVerdict(text: string, id: string, read: JobReader): boolean {
  const job = readIfPossible(read, jsonOf(text), 'poll')
  if (job === undefined) return false
  const { state, layers, createdAt } = job
  if (state === undefined || !ENDED.has(jobStateOf(state)) || job.otherThan(id) !== undefined) return false
  return layers.some(hasId) || job.facts.object === 'video' || createdAt !== undefined
}

/** Whether a job is completed, without an error and without an address of its video. */
export function lacksVideo(job: FinishedJob): boolean {
  const { state, layers } = job.body
  if (state === undefined || jobStateOf(state) !== 'completed' || job.answer.video !== undefined) return false
  return !hasError(layers) && !isModerated(layers) && !isFiltered(layers) && namedVideo(job) === undefined
}

/** Reads the result of a finished job. A refused result is the verdict on the job, as at fal. */
export async function readResult(
  api: Api,
  { url, read, id }: { readonly url: string; readonly read: JobReader; readonly id: string },
  call: Pick<ApiCall, 'signal' | 'timeoutMs' | 'maxBytes'>,
): Promise<{ readonly answer: ApiAnswer; readonly body: JobAnswer } | FailedTask> {
  try {
    const answer = await api.call({ ...call, what: 'read the result of the job', method: 'GET', url })
    if (answer.video !== undefined) return { answer, body: completed(read({ id }, { phase: 'result' })) }
    return { answer, body: completed(read(readJsonBody(answer), { phase: 'result' })) }
  } catch (error) {
    if (error instanceof ContentRejectedError) return { state: 'failed', error }
    if (!(error instanceof UpstreamHttpError) || !VERDICTS.has(error.status)) throw error
    const upstreamCode = String(error.status)
    return { state: 'failed', error: new GenerationFailedError(error.message, { upstreamCode, cause: error }) }
  }
}

function completed(job: JobAnswer): JobAnswer {
  if (job.state !== undefined) return job
  return new JobAnswer(job.body, { reading: { ...job.reading, status: 'completed' } })
}
