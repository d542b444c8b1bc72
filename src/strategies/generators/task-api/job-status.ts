import type { Clock } from '../../../contracts/clock.js'
import { describeValue, type SoraPipelineError } from '../../../contracts/errors.js'
import type { TaskStatus } from '../../../contracts/generator.js'
import type { StageWarning } from '../../../contracts/stage.js'
import { UpstreamResponseError } from '../../../contracts/upstream-errors.js'
import type { ApiAnswer } from '../../../upstream/api.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { unreadable } from '../../../upstream/json-answer.js'
import { announcesVideo } from '../../../upstream/not-ready.js'
import { pollAfterMs } from '../../../upstream/retry-after.js'
import { hasError, isFiltered, isModerated, jobFailure } from '../answers/job-failure.js'
import { isStateWord, jobStateOf } from '../answers/job-state.js'
import { contentVideo, type FinishedJob, namedVideo, unnamedVideo } from './finished-job.js'
import type { GracePolls } from './grace-polls.js'
import { isTransportReport, refusalIn, reportsError } from './started-job.js'

const GRACE_POLL_MS = 2_000
const POLLS_BEFORE_CONTENT = 3
const NO_VIDEO_POLL_MS = 5_000
const LONGEST_PHASE = 60
const ACCEPTED = 202
const OF_POLLS: ReadonlySet<string> = new Set(['rate-limited', 'authentication', 'overloaded'])

/**
 * The status of a job in an answer. `completed` with an error is a failure, an unknown word means that the job runs,
 * and an answer without a state is judged by its content.
 */
export function jobStatus(job: FinishedJob, grace: GracePolls): TaskStatus {
  const { id, body, answer } = job
  const { layers } = body
  const state = body.state === undefined ? undefined : jobStateOf(body.state)
  const fail = (word: string): TaskStatus => ({
    state: 'failed',
    error: jobFailure({ id, layers, state: word, mask: answer.mask }),
  })
  switch (state) {
    case 'failed': {
      const refusal = pollRefusal(job)
      if (refusal !== undefined) throw refusal
      return fail(state)
    }
    case 'moderated':
    case 'cancelled':
    case 'expired':
      return fail(state)
    case 'completed':
      if (isModerated(layers)) return fail('moderated')
      return hasError(layers) ? fail('failed') : finished(job, grace, fail)
    case undefined: {
      // A gateway's own failure, reported under 200, is not a verdict on the job: another generator must not be paid
      // for it.
      if (hasError(layers) && body.id === undefined) throw unreadable(answer, 'it is an error without a job')
      const refusal = body.id === undefined ? refusalIn(body, answer) : undefined
      // A key that is refused in an envelope counts as refused; any other error in one may be temporary.
      if (refusal?.code === 'authentication') throw refusal
      if (isModerated(layers)) return fail('moderated')
      if (hasError(layers)) return fail('failed')
      const video = namedVideo(job)
      return video === undefined ? { ...pending(job), state: 'running' } : { state: 'completed', video }
    }
    default:
      return { ...pending(job), state: state === 'queued' ? 'queued' : 'running' }
  }
}

/** Why an answer to a poll, without a state and a video, does not show that the job runs; `undefined` if it does. */
export function flawOfPending({ id: polled, body, answer }: FinishedJob): string | undefined {
  const { id, requestId, state, ratio, createdAt, reading } = body
  if (
    state !== undefined ||
    id !== undefined ||
    requestId === polled ||
    ratio !== undefined ||
    createdAt !== undefined ||
    reading?.pollAfterMs !== undefined
  )
    return undefined
  if (answer.status === ACCEPTED || announcesVideo(answer.text)) return undefined
  return reportsError(body) || refusalIn(body, answer) !== undefined
    ? 'it is an error without a job'
    : 'it describes no job'
}

/** The error of an answer that refuses the poll, and not the job, which it names nowhere. */
function pollRefusal({ body, answer }: FinishedJob): SoraPipelineError | undefined {
  const refusal = body.id === undefined ? refusalIn(body, answer) : undefined
  return refusal !== undefined && OF_POLLS.has(refusal.code) ? refusal : undefined
}

/** Whether the failure in an answer to a poll of a job is one of its transport, which may be gone with the next poll. */
export function isFailureReport(job: FinishedJob, id: string): boolean {
  const { state } = job.body
  const isFailed = state !== undefined && jobStateOf(state) === 'failed'
  return isFailed && isTransportReport(job.body, id) && pollRefusal(job) === undefined
}

/** The status of a job in a list; `undefined` if its state is not known for certain. */
export function listedStatus(job: FinishedJob): TaskStatus | undefined {
  const { state } = job.body
  return state === undefined || jobStateOf(state) === 'unknown' ? undefined : jobStatus(job, NO_GRACE)
}

// A list decides nothing, so it takes no grace poll either.
const NO_GRACE: GracePolls = { take: () => false }

function finished(job: FinishedJob, grace: GracePolls, fail: (word: string) => TaskStatus): TaskStatus {
  const video = namedVideo(job)
  if (video !== undefined) return { state: 'completed', video }
  if (isFiltered(job.body.layers)) return fail('moderated')
  const content = contentVideo(job)
  // OpenAI's own object has no field for an address: the video is always at /content, so waiting would gain nothing.
  const namesNoVideo = content !== undefined && job.body.facts.object === 'video'
  // Without such a place the run ends at the third error in a row.
  if (namesNoVideo || !grace.take(job.id, content === undefined ? 1 : POLLS_BEFORE_CONTENT)) {
    const other = unnamedVideo(job)
    if (other === undefined) throw withoutVideo(job)
    return { state: 'completed', video: other }
  }
  return { ...pending(job), state: 'running', pollAfterMs: GRACE_POLL_MS }
}

function withoutVideo({ answer, body }: FinishedJob): UpstreamResponseError {
  const [first] = body.reading?.urls ?? []
  const named = first === undefined ? 'no video is named' : `urls[0] is ${describeValue(excerptOf(first, answer.mask))}`
  const fix = first === undefined ? '' : ', which is not an address of a video that can be used'
  const { message, status, url, bodyExcerpt, requestId } = unreadable(
    answer,
    `the job is completed, and ${named}${fix}`,
  )
  const facts = { status, url, bodyExcerpt, requestId }
  return new UpstreamResponseError(message, { ...facts, isRetryable: false, retryAfterMs: NO_VIDEO_POLL_MS })
}

/** The warning about a state whose word is not known, which counts as running; `undefined` for any other. */
export function unknownState({ body, answer, api }: FinishedJob): StageWarning | undefined {
  const { state: word } = body
  // A word of servers that have lost sight of the job for a moment.
  if (word === undefined || jobStateOf(word) !== 'unknown' || /^unknown$/i.test(word)) return undefined
  const shown = JSON.stringify(excerptOf(word, answer.mask).slice(0, LONGEST_PHASE))
  const message = `Could not read the state of the job at ${api.subject}: ${shown}; it counts as running, until the deadline`
  return { code: 'unknown-state', message }
}

function pending({ body, answer, clock }: FinishedJob) {
  const { ratio } = body
  const after = body.reading?.pollAfterMs ?? pollAfterMs(answer.headers, clock.now())
  const { state: word = '' } = body
  const phase = isStateWord(word) ? word : excerptOf(word, answer.mask).slice(0, LONGEST_PHASE)
  return {
    ...(ratio !== undefined && { ratio }),
    ...(phase !== '' && { phase }),
    ...(after !== undefined && { pollAfterMs: after }),
  }
}

/** The status of a job that was polled with an empty 202. */
export function waiting({ headers }: ApiAnswer, clock: Clock): TaskStatus {
  const after = pollAfterMs(headers, clock.now())
  return { state: 'running', ...(after !== undefined && { pollAfterMs: after }) }
}
