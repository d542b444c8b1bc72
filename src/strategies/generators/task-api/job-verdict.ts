import type { FailedTask } from '../../../contracts/generator.js'
import {
  ContentRejectedError,
  GenerationFailedError,
  OverloadedError,
  UpstreamHttpError,
} from '../../../contracts/upstream-errors.js'
import type { ApiAnswer, ApiCall } from '../../../upstream/api.js'
import { readJsonBody } from '../../../upstream/json-answer.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { announcesVideo } from '../../../upstream/not-ready.js'
import { hasId } from '../answers/answer-layers.js'
import { JobAnswer, type JobReader, readIfPossible } from '../answers/job-answer.js'
import { hasError, isFiltered, isModerated } from '../answers/job-failure.js'
import { type JobState, jobStateOf } from '../answers/job-state.js'
import { type FinishedJob, namedVideo } from './finished-job.js'
import type { PollStreaks, StreakLimit } from './poll-streaks.js'

const ENDED: ReadonlySet<JobState> = new Set(['completed', 'failed', 'moderated', 'cancelled', 'expired'])
// In answer to the request for a result, the answer of the model to its input.
const VERDICTS: ReadonlySet<number> = new Set([413, 422])
// A 400 is also that of a request that comes too early.
const BAD_REQUEST = 400
const REFUSED_LIMIT = { polls: 3, spanMs: 0 }
// A result may appear some time after its job is over.
const ABSENCE_LIMIT = { polls: 3, spanMs: 60_000 }
// The result of a failed job is an error again and again; a server recovers, and a gateway may need longer.
const ERROR_LIMIT = { polls: 3, spanMs: 60_000 }
const GATEWAY_LIMIT = { polls: 5, spanMs: 300_000 }
const OF_GATEWAYS: ReadonlySet<number> = new Set([502, 503, 504, 529])

/** A request for the result of a finished job. */
interface ResultRequest {
  readonly url: string
  readonly read: JobReader
  /** The job as the poll described it. */
  readonly job: FinishedJob
  /** The refusals in a row of each job. */
  readonly refusals: PollStreaks
  /** The results in a row that were errors of the server. */
  readonly failures: PollStreaks
}

/** Whether an answer outside 2xx is the job: vLLM-Omni answers the poll of a failed job with the status of its error. */
export function isVerdict(text: string, id: string, read: JobReader): boolean {
  const job = readIfPossible(read, jsonOf(text), 'poll')
  if (job === undefined) return false
  const { state, layers, createdAt } = job
  if (state === undefined || !ENDED.has(jobStateOf(state)) || job.otherThan(id) !== undefined) return false
  return layers.some(hasId) || job.facts.object === 'video' || createdAt !== undefined
}

/**
 * Whether a job is completed, without an error, so that its result has to be read: an address that the answer names may be another one,
 * such as that of a page, unless it is one that `read` gave.
 */
export function needsResult(job: FinishedJob): boolean {
  const { state, layers, reading } = job.body
  if (job.answer.video !== undefined || hasError(layers) || isModerated(layers) || isFiltered(layers)) return false
  const isOver = state === undefined ? namedVideo(job) !== undefined : jobStateOf(state) === 'completed'
  const isGiven = reading?.urls !== undefined && reading.urls.length > 0 && namedVideo(job) !== undefined
  return isOver && !isGiven
}

/**
 * Reads the result of a finished job. A refused result is the verdict on the job, as at fal, and so are the third 400 in a row and a
 * result that stays an error of the server; where the poll names a video, they lead back to it (`undefined`). An answer that announces
 * the result costs a poll, however often it comes.
 */
export async function readResult(
  { url, read, job, refusals, failures }: ResultRequest,
  call: Pick<ApiCall, 'signal' | 'timeoutMs' | 'maxBytes'>,
): Promise<{ readonly answer: ApiAnswer; readonly body: JobAnswer } | FailedTask | undefined> {
  const { id, api, clock } = job
  try {
    const answer = await api.call({ ...call, what: 'read the result of the job', method: 'GET', url })
    for (const streak of [refusals, failures]) streak.clear(id)
    if (answer.video !== undefined) return { answer, body: completed(read({ id }, { phase: 'result' })) }
    return { answer, body: completed(read(readJsonBody(answer), { phase: 'result' })) }
  } catch (error) {
    if (error instanceof ContentRejectedError) return { state: 'failed', error }
    if (!(error instanceof UpstreamHttpError || error instanceof OverloadedError)) throw error
    const { status = 0 } = error
    if (error instanceof UpstreamHttpError && status < 500 && announcesVideo(error.bodyExcerpt)) throw passing(error)
    const isError = status >= 500
    if (!isError && error.isRetryable) throw error
    const isNamed = namedVideo(job) !== undefined
    const isLasting = (isError ? failures : refusals).add(id, clock.monotonic(), limitOf(status, isNamed))
    if (isNamed && isLasting) return undefined
    if (isNamed && error instanceof UpstreamHttpError) throw passing(error)
    const isOver = VERDICTS.has(status) || (isLasting && (isError || status === BAD_REQUEST))
    if (!isOver) throw error
    const upstreamCode = String(status)
    return { state: 'failed', error: new GenerationFailedError(error.message, { upstreamCode, cause: error }) }
  }
}

function limitOf(status: number, isNamed: boolean): StreakLimit {
  if (status >= 500) return OF_GATEWAYS.has(status) ? GATEWAY_LIMIT : ERROR_LIMIT
  return isNamed ? ABSENCE_LIMIT : REFUSED_LIMIT
}

/** A failure after which the next request may succeed, so that the run does not end with it. */
export function passing(error: UpstreamHttpError): UpstreamHttpError {
  const { message, status, url, bodyExcerpt, requestId } = error
  return new UpstreamHttpError(message, { status, url, bodyExcerpt, requestId, isRetryable: true, cause: error })
}

function completed(job: JobAnswer): JobAnswer {
  if (job.state !== undefined) return job
  return new JobAnswer(job.body, { reading: { ...job.reading, status: 'completed' } })
}
