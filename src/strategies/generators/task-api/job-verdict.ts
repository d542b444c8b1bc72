import type { Clock } from '../../../contracts/clock.js'
import type { FailedTask } from '../../../contracts/generator.js'
import {
  ContentRejectedError,
  GenerationFailedError,
  OverloadedError,
  UpstreamHttpError,
} from '../../../contracts/upstream-errors.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { readJsonBody } from '../../../upstream/json-answer.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { announcesVideo } from '../../../upstream/not-ready.js'
import { hasId } from '../answers/answer-layers.js'
import { JobAnswer, type JobReader, readIfPossible } from '../answers/job-answer.js'
import { hasError, isFiltered, isModerated } from '../answers/job-failure.js'
import { type JobState, jobStateOf } from '../answers/job-state.js'
import { type FinishedJob, namedVideo } from './finished-job.js'
import type { PollStreaks } from './poll-streaks.js'

const ENDED: ReadonlySet<JobState> = new Set(['completed', 'failed', 'moderated', 'cancelled', 'expired'])
// In answer to the request for a result, the answer of the model to its input.
const VERDICTS: ReadonlySet<number> = new Set([413, 422])
// The result of a failed job is an error again and again; a server recovers, and a gateway may need longer.
const ERROR_LIMIT = { polls: 3, spanMs: 60_000 }
const GATEWAY_LIMIT = { polls: 5, spanMs: 300_000 }
const OF_GATEWAYS: ReadonlySet<number> = new Set([502, 503, 504, 529])
// A 400 is also that of a request that comes too early.
const BAD_REQUEST = 400
const REFUSED_LIMIT = { polls: 3, spanMs: 0 }

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

/**
 * Reads the result of a finished job. A refused result is the verdict on the job, as at fal, and so are the third 400 in a row and a
 * result that stays an error of the server. An answer that announces the result costs a poll, however often it comes.
 */
export async function readResult(
  api: Api,
  result: {
    readonly url: string
    readonly read: JobReader
    readonly id: string
    /** Counts the results in a row that were refused, or errors of the server. */
    readonly failures: PollStreaks
    readonly clock: Clock
  },
  call: Pick<ApiCall, 'signal' | 'timeoutMs' | 'maxBytes'>,
): Promise<{ readonly answer: ApiAnswer; readonly body: JobAnswer } | FailedTask> {
  const { url, read, id, failures, clock } = result
  try {
    const answer = await api.call({ ...call, what: 'read the result of the job', method: 'GET', url })
    for (const counted of [id, refusalsOf(id)]) failures.clear(counted)
    if (answer.video !== undefined) return { answer, body: completed(read({ id }, { phase: 'result' })) }
    return { answer, body: completed(read(readJsonBody(answer), { phase: 'result' })) }
  } catch (error) {
    if (error instanceof ContentRejectedError) return { state: 'failed', error }
    if (!(error instanceof UpstreamHttpError || error instanceof OverloadedError)) throw error
    const { message, status = 0 } = error
    if (error instanceof UpstreamHttpError && announcesVideo(error.bodyExcerpt)) throw notReady(error)
    const limit = status === BAD_REQUEST ? REFUSED_LIMIT : OF_GATEWAYS.has(status) ? GATEWAY_LIMIT : ERROR_LIMIT
    const isCounted = status === BAD_REQUEST || status >= 500
    const isFailure = isCounted
      ? failures.add(status === BAD_REQUEST ? refusalsOf(id) : id, clock.monotonic(), limit)
      : VERDICTS.has(status)
    if (!isFailure) throw error
    const upstreamCode = String(status)
    return { state: 'failed', error: new GenerationFailedError(message, { upstreamCode, cause: error }) }
  }
}

// Counted apart from the errors of the server.
function refusalsOf(id: string): string {
  return `${id} refused`
}

function notReady({ message, status, bodyExcerpt, url, requestId }: UpstreamHttpError): UpstreamHttpError {
  return new UpstreamHttpError(message, { status, bodyExcerpt, url, requestId, isRetryable: true })
}

function completed(job: JobAnswer): JobAnswer {
  if (job.state !== undefined) return job
  return new JobAnswer(job.body, { reading: { ...job.reading, status: 'completed' } })
}
