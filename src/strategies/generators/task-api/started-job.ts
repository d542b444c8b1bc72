import type { SoraPipelineError } from '../../../contracts/errors.js'
import type { StageWarning } from '../../../contracts/stage.js'
import { isOpenStatus, UpstreamHttpError } from '../../../contracts/upstream-errors.js'
import type { ApiAnswer } from '../../../upstream/api.js'
import { complaintError } from '../../../upstream/complaint-error.js'
import { type ComplaintKind, complaintKind } from '../../../upstream/complaint-kind.js'
import { isOfTransport, losesAnswer, reportsFault } from '../../../upstream/doubtful-sentence.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { saysError, sentenceOf, wordsOf } from '../../../upstream/error-meaning.js'
import { isRecord } from '../../../upstream/is-record.js'
import { unreadable } from '../../../upstream/json-answer.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { hostOf } from '../../../upstream/network-failure.js'
import { requestIdFrom } from '../../../upstream/request-id.js'
import type { Layer } from '../answers/answer-layers.js'
import { type JobAnswer, type JobReader, readIfPossible, readJob } from '../answers/job-answer.js'
import { hasError } from '../answers/job-failure.js'
import { type JobState, jobStateOf } from '../answers/job-state.js'
import { hasUnreadContent } from './unread-content.js'

const CODES = ['code', 'errcode', 'err_code', 'error_code', 'status_code'] as const
const LOCATIONS = ['operation-location', 'location'] as const
const TIMEOUT = /time[ _-]?d?[ _-]?out/i
// `Submit success`, `提交成功`, `排队中，前面还有1个任务`.
const GREETING =
  /\bsuccess(?:ful(?:ly)?)?\b|\b(?:accepted|submitted|queued|in (?:the )?queue|created)\b|成功|排队|已提交/i
const TROUBLE = /\b(?:not|no|un\w+|fail\w*|error|without|invalid|exceed\w*)\b|失败|错误|未|不|无/i
const REFUSALS: ReadonlySet<string> = new Set(['quota', 'credential', 'moderation', 'region'])
const FAILED: ReadonlySet<JobState> = new Set(['failed', 'moderated', 'cancelled', 'expired'])
const TASK_ID = /^(?:video|task|job|gen|vid|cgt|op)[\w-]*[_:-]/i

/** Reads the answer to a submission: a job in JSON, or only the address of one in a header. */
export function readStartedJob(answer: ApiAnswer, read: JobReader = readJob): JobAnswer {
  if (answer.video !== undefined) return readJob({})
  const body = jsonOf(answer.text)
  const pollAddress = LOCATIONS.map((name) => answer.headers.get(name)).find((value) => value !== null) ?? undefined
  const id = pollAddress === undefined ? undefined : lastSegmentOf(pollAddress, answer.url)
  const headers = id === undefined || pollAddress === undefined ? undefined : { id, pollAddress }
  if (isRecord(body) || Array.isArray(body)) {
    const job = read(body, { phase: 'create' })
    // Prose beside the address of a job is ignored.
    const isByAddress = headers !== undefined && job.id === undefined && answer.status <= 202 && !reportsError(job)
    return isByAddress ? read(body, { phase: 'create', headers }) : job
  }
  if (answer.text.trim() !== '' || headers === undefined) {
    throw unreadable(answer, answer.text.trim() === '' ? 'it is empty' : 'it is not JSON')
  }
  return read({}, { phase: 'create', headers })
}

/** Whether an answer outside 2xx shows that the job was accepted: it contains a job id. */
export function isAcceptance(text: string, status: number, read: JobReader = readJob): boolean {
  const job = readIfPossible(read, jsonOf(text), 'create')
  if (job?.id === undefined) return false
  const { id, state, layers } = job
  const isKnown = state !== undefined && jobStateOf(state) !== 'unknown' && jobStateOf(state) !== 'failed'
  // A 4xx is a refusal, unless it comes with a running job and no error.
  if (status < 500) return isKnown && !reportsError(job)
  const isTask = layers.some((layer) => ['task_id', 'video_id', 'job_id'].some((name) => layer[name]))
  return isKnown || isTask || TASK_ID.test(id)
}

/**
 * The error of an answer without an id and a video that reports an error: nothing was accepted. `undefined` if that
 * is unclear: the server behind a gateway did not answer in time, or failed, or the answer has content beside an error that may be
 * only a remark.
 */
export function refusalIn(job: JobAnswer, answer: ApiAnswer): SoraPipelineError | undefined {
  const { layers } = job
  if (!reportsError(job) && !layers.some(refuses)) return undefined
  const { url, mask, headers } = answer
  const words = layers.flatMap((layer) => wordsOf(layer))
  const status = [...layers.flatMap(codesOf), ...words].map(Number).find((code) => code >= 400 && code <= 599)
  const sentence = sentenceIn(job)
  const isOpen = status !== undefined && (isOpenStatus(status) || (status >= 500 && status !== 503 && status !== 529))
  if (isOpen || TIMEOUT.test(sentence) || words.some((word) => TIMEOUT.test(word))) return undefined
  if (losesAnswer([sentence, ...words]) || reportsFault(sentence, words)) return undefined
  const kind = complaintKind({ status, words, message: sentence, isPage: false, isRelayed: false })
  // A remark beside a job in a form that is not known looks like an error as well.
  if (status === undefined && !deniesJob(job, kind) && hasUnreadContent(job.body)) return undefined
  const message = messageOf(job, answer)
  const options = {
    status: status ?? answer.status,
    url: mask(url),
    requestId: requestIdFrom(headers, mask),
  }
  if (kind === 'other' || kind === 'timeout' || kind === 'network') {
    return new UpstreamHttpError(message, { ...options, bodyExcerpt: excerptOf(answer.text, mask), isRefusal: true })
  }
  return complaintError(kind, message, options)
}

// Whether an answer without the status of an error refuses the submission by its own words.
function deniesJob({ layers, reading }: JobAnswer, kind: ComplaintKind): boolean {
  const isFalse = layers.some(({ success }) => success === false)
  if (isFalse || (reading?.error !== undefined && reading.error !== null)) return true
  return (
    REFUSALS.has(kind) && layers.some((layer) => [...codesOf(layer), ...wordsOf(layer)].some((code) => saysError(code)))
  )
}

/**
 * The warning about an answer that reports an error beside the id of a job, unless the state of the job is a failure: the job may
 * exist and be paid, which only a poll shows. `undefined` without such an error.
 */
export function doubtIn(job: JobAnswer, answer: ApiAnswer): StageWarning | undefined {
  const { layers, state } = job
  if (!hasError(layers) || (state !== undefined && FAILED.has(jobStateOf(state)))) return undefined
  const said = reportsError(job)
    ? messageOf(job, answer)
    : `Could not ${answer.what}: ${hostOf(answer.url)} reported an error`
  return { code: 'submission-error', message: `${said}; it names a job as well, which is polled` }
}

/**
 * Whether an answer to a poll of a job reports a fault of its transport or of the server, and does not describe the job:
 * neither by its id nor by a field that only a job has.
 */
export function isTransportReport(job: JobAnswer, polled: string): boolean {
  const { layers, id, ratio, createdAt, prompts } = job
  const isNamed = id !== undefined && (id.includes(polled) || polled.includes(id))
  if (isNamed || ratio !== undefined || createdAt !== undefined || prompts.length > 0) return false
  const words = layers.flatMap((layer) => wordsOf(layer))
  const isStatus = [...layers.flatMap(codesOf), ...words].map(Number).some((code) => code >= 500 && code <= 599)
  return isStatus || isOfTransport(sentenceIn(job), words)
}

function sentenceIn({ layers }: JobAnswer): string {
  return [...layers.map(({ error }) => error), ...layers].map((part) => sentenceOf(part)).find(Boolean) ?? ''
}

/** The message about an answer that reports an error, with its sentence, or its text without one. */
export function messageOf(job: JobAnswer, { what, url, mask, status, text }: ApiAnswer): string {
  const said = excerptOf(sentenceIn(job) || text, mask)
  return `Could not ${what}: ${hostOf(url)} answered ${status} with an error${said && `, ${said}`}`
}

// Some servers count their errors from 0, so that only the sentence shows the error.
function refuses({ message, msg, status_msg: statusMessage }: Layer): boolean {
  return [message, msg, statusMessage].some((said) => {
    if (typeof said !== 'string' || GREETING.test(said)) return false
    const kind = complaintKind({ words: [], message: said, isPage: false, isRelayed: false })
    return REFUSALS.has(kind)
  })
}

/** Whether an answer reports an error, in any wording. */
export function reportsError({ layers }: JobAnswer): boolean {
  return hasError(layers) || layers.some(complains)
}

function complains(layer: Layer): boolean {
  const { message, msg, description, status_msg: statusMessage, success, status } = layer
  // Some servers count their successes from 1.
  const isFine = [message, msg, statusMessage, description].some(
    (text) =>
      typeof text === 'string' && text !== '' && (!saysError(text) || (GREETING.test(text) && !TROUBLE.test(text))),
  )
  const isError = codesOf(layer).some((code) => saysError(code)) || (typeof status === 'number' && status >= 400)
  const isFailed = typeof status === 'string' && jobStateOf(status) === 'failed'
  return success === false || isFailed || (isError && !isFine)
}

function codesOf(layer: Layer): readonly unknown[] {
  return CODES.map((name) => layer[name]).filter((code) => typeof code === 'string' || typeof code === 'number')
}

function lastSegmentOf(address: string, base: string): string | undefined {
  if (!URL.canParse(address, base)) return undefined
  const segment = new URL(address, base).pathname
    .replace(/\/(?:content|status)?\/*$/, '')
    .split('/')
    .at(-1)
  return segment === undefined || segment === '' ? undefined : decodeURIComponent(segment)
}
