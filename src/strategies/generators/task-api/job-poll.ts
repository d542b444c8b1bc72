import type { TaskStatus } from '../../../contracts/generator.js'
import type { StageContext } from '../../../contracts/stage.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import type { AllowPrivateAddresses } from '../../../upstream/download/allowed-destinations.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { readJsonBody, unreadable } from '../../../upstream/json-answer.js'
import { entryOf } from '../answers/answer-layers.js'
import { type JobAnswer, type JobReader, readJob } from '../answers/job-answer.js'
import { createEarlyVideos } from './early-video.js'
import type { FinishedJob } from './finished-job.js'
import { createGracePolls, type GracePolls } from './grace-polls.js'
import { flawOfPending, isFailureReport, jobStatus, unknownState, waiting } from './job-status.js'
import { isVerdict, needsResult, readResult } from './job-verdict.js'
import { foreignAddress, ownUrl, type TaskApiOperation } from './operation.js'
import { createPollStreaks } from './poll-streaks.js'

// A job that failed is reported again and again; a gateway recovers.
const REPORT_LIMIT = { polls: 5, spanMs: 300_000 }

/** A request that reads or changes a job. */
export type JobCall = Pick<ApiCall, 'method' | 'url' | 'json' | 'headers'>

/** An API whose jobs are polled. */
export interface PolledService {
  readonly options: {
    readonly timeoutMs: number
    readonly maxAnswerBytes: number
    readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  }
  readonly api: Api
  readonly read: JobReader
  readonly pollOf: (operation: TaskApiOperation) => JobCall
  /** Address of the result of a finished job, for an API whose polls do not name the video. */
  readonly resultUrlOf?: ((operation: TaskApiOperation) => string | undefined) | undefined
  /** Place of the video of a finished job, for an API whose answers may name none. */
  readonly contentUrlOf?: ((id: string) => string) | undefined
  /** What to do about an answer whose id is that of something else than the job. */
  readonly otherIdAdvice?: string | undefined
}

/** The job in an answer, with what opens its video. */
export type JobOf = (
  operation: Pick<TaskApiOperation, 'id' | 'inputs'>,
  answer: ApiAnswer,
  body: JobAnswer,
  context: StageContext,
) => FinishedJob

/** Reads the jobs of one API. */
export function createJobOf({ options, api, contentUrlOf }: PolledService): JobOf {
  const { timeoutMs, allowPrivateAddresses } = options
  return ({ id, inputs }, answer, body, { clock }) => {
    return { id, inputs, body, answer, api, clock, timeoutMs, allowPrivateAddresses, contentUrlOf }
  }
}

/** Polls the jobs of one API, and reads their results where these have an address of their own. */
export function createJobPoll(
  service: PolledService,
  jobOf: JobOf,
  grace: GracePolls,
): (operation: TaskApiOperation, context: StageContext) => Promise<TaskStatus> {
  const { options, api, read, pollOf } = service
  const { timeoutMs, maxAnswerBytes, allowPrivateAddresses } = options
  const warned = createGracePolls()
  const reports = createPollStreaks()
  const streaks = { refusals: createPollStreaks(), failures: createPollStreaks() }
  const early = createEarlyVideos({ api, timeoutMs, allowPrivateAddresses })
  const callOptions = ({ signal }: StageContext) => ({ signal, timeoutMs, maxBytes: maxAnswerBytes })

  async function statusOf(operation: TaskApiOperation, job: FinishedJob, context: StageContext): Promise<TaskStatus> {
    const { answer, body } = job
    for (const warning of [unknownState(job), foreignAddress(job, ['resultUrl'])])
      if (warning !== undefined && warned.take(`${warning.code} ${operation.id}`, 1)) context.warn?.(warning)
    if (!isFailureReport(job, operation.id)) reports.clear(operation.id)
    else if (!reports.add(operation.id, context.clock.monotonic(), REPORT_LIMIT))
      throw unreadable(answer, 'it is an error without a job')
    const url = service.resultUrlOf?.(operation) ?? ownUrl(body.reading?.resultUrl, answer, api.origin)
    const result =
      url === undefined || !needsResult(job)
        ? undefined
        : await readResult({ url, read, job, ...streaks }, callOptions(context))
    if (result === undefined) {
      const status = jobStatus(job, grace)
      const flaw = status.state === 'running' ? flawOfPending(job) : undefined
      if (flaw !== undefined) throw unreadable(answer, flaw)
      return status
    }
    if ('error' in result) return result
    return jobStatus({ ...jobOf(operation, result.answer, result.body, context), polled: body }, grace)
  }

  async function pollJob(operation: TaskApiOperation, context: StageContext): Promise<TaskStatus> {
    const { id } = operation
    const answer = await api.call({
      ...callOptions(context),
      what: 'poll the job',
      ...pollOf(operation),
      isAnswer: (text) => isVerdict(text, id, read),
    })
    if (answer.video !== undefined) return jobStatus(jobOf(operation, answer, readJob({ id }), context), grace)
    // Accepted, and nothing to report yet.
    if (answer.status === 202 && answer.text.trim() === '') return waiting(answer, context.clock)
    const json = readJsonBody(answer)
    // The job, or a list of one.
    if (Object(json) !== json) throw unreadable(answer, 'it is not of the expected shape')
    const body = read(entryOf(json, id), { phase: 'poll' })
    if (body.layers.length === 0) throw unreadable(answer, 'it has no job')
    const other = body.otherThan(id)
    if (other !== undefined) {
      const advice = service.otherIdAdvice === undefined ? '' : `; ${service.otherIdAdvice}`
      throw unreadable(answer, `it is about another job, ${excerptOf(other, answer.mask)}${advice}`)
    }
    return statusOf(operation, jobOf(operation, answer, body, context), context)
  }

  return async (operation, context) => {
    if (operation.videoUrl === undefined) return pollJob(operation, context)
    return early.orVideo(operation, context.clock, () => pollJob(operation, context))
  }
}
