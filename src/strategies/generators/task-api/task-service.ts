import type { StartedTask, TaskGenerator, TaskStatus } from '../../../contracts/generator.js'
import type { VideoRequest } from '../../../contracts/request.js'
import type { VideoVariant } from '../../../contracts/source.js'
import type { FindContext, StageContext, SubmitContext } from '../../../contracts/stage.js'
import type { Api, ApiAnswer, ApiCall } from '../../../upstream/api.js'
import type { AllowPrivateAddresses } from '../../../upstream/download/allowed-destinations.js'
import { endpointOf } from '../../../upstream/endpoint-of.js'
import { excerptOf } from '../../../upstream/error-details.js'
import { readJsonBody, unreadable } from '../../../upstream/json-answer.js'
import { carriesSecret } from '../../../upstream/secret.js'
import { entryOf } from '../answers/answer-layers.js'
import { type JobAnswer, type JobReader, readJob } from '../answers/job-answer.js'
import { submissionUsage } from '../answers/job-usage.js'
import { checkJsonFields } from '../json-fields.js'
import { cancelJob } from './cancel-job.js'
import { findJobs } from './find-jobs.js'
import { type FinishedJob, isVideoToCome, namedVideo } from './finished-job.js'
import { createGracePolls } from './grace-polls.js'
import type { JobList } from './job-list.js'
import { flawOfPending, isFailureReport, jobStatus, listedStatus, unknownState, waiting } from './job-status.js'
import { isVerdict, needsResult, readResult } from './job-verdict.js'
import { openPicture } from './open-picture.js'
import { checkOperation, flawOfId, foreignAddress, operationOf, ownUrl, type TaskApiOperation } from './operation.js'
import { pollListedJobs } from './poll-listed-jobs.js'
import { createPollStreaks } from './poll-streaks.js'
import { promptsOf } from './prompt-match.js'
import { inputsOf } from './request-inputs.js'
import { doubtIn, readStartedJob, refusalIn, reportsError } from './started-job.js'
import type { SentSubmission, SubmissionAnswer } from './submission-answer.js'
import { submissionError } from './submission-error.js'

// A job that failed is reported again and again; a gateway recovers.
const REPORT_LIMIT = { polls: 5, spanMs: 300_000 }

/** A request that reads or changes a job. */
export type JobCall = Pick<ApiCall, 'method' | 'url' | 'json' | 'headers'>

/** An API of the submit-and-poll kind, and how its answers are read. */
export interface TaskService {
  readonly options: {
    readonly name: string
    readonly label?: string | undefined
    readonly baseUrl: string
    readonly upstreamId?: string | undefined
    readonly idempotency: 'key' | 'none'
    readonly settleMs: number
    readonly timeoutMs: number
    readonly maxAnswerBytes: number
    readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  }
  readonly api: Api
  readonly read: JobReader
  /** Fetches the media that a submission needs as bytes; without it addresses are sent as they are. */
  readonly prepare?: ((request: VideoRequest, context: StageContext) => Promise<VideoRequest>) | undefined
  /** Sends one submission. An error that proves a refusal says that nothing was accepted. */
  readonly submit: (request: VideoRequest, context: SubmitContext) => Promise<SubmissionAnswer>
  readonly pollOf: (operation: TaskApiOperation) => JobCall
  /** Address of the result of a finished job, for an API whose polls do not name the video. */
  readonly resultUrlOf?: ((operation: TaskApiOperation) => string | undefined) | undefined
  /** Place of the video of a finished job, for an API whose answers may name none. */
  readonly contentUrlOf?: ((id: string) => string) | undefined
  /** Place of a picture of the video, which the server may or may not have. */
  readonly variantUrlOf?: ((id: string, variant: VideoVariant) => string) | undefined
  /** The list in which a submission of unknown outcome is searched for. */
  readonly found?: JobList | undefined
  /** The submission of a request that the list may show; if absent, the request itself, of which nothing is kept. */
  readonly sentOf?: ((request: VideoRequest, context: FindContext) => Promise<SentSubmission>) | undefined
  /** The list that answers for many polls, and whether a job is in it. */
  readonly listed?: { readonly list: JobList; readonly has: (operation: TaskApiOperation) => boolean } | undefined
  /** What to do about an answer whose id is that of something else than the job. */
  readonly otherIdAdvice?: string | undefined
  /** Whether `submit` passes `callbackUrl` of its context on. */
  readonly sendsCallback?: boolean | undefined
  /** Checks the key and the address without a job, for a diagnosis. */
  readonly check?: TaskGenerator['check']
  readonly cancelOf?: ((operation: TaskApiOperation) => JobCall | undefined) | undefined
}

/** The generator of an API of the submit-and-poll kind. */
export function generatorOf(service: TaskService): TaskGenerator<TaskApiOperation> {
  const { options, api, read, prepare, pollOf, found, listed, cancelOf, variantUrlOf } = service
  const { name, timeoutMs, maxAnswerBytes, allowPrivateAddresses } = options
  const [grace, warned] = [createGracePolls(), createGracePolls()]
  const reports = createPollStreaks()
  const streaks = { refusals: createPollStreaks(), failures: createPollStreaks() }
  const callOptions = ({ signal }: StageContext) => ({ signal, timeoutMs, maxBytes: maxAnswerBytes })

  const { contentUrlOf } = service
  const jobOf = (
    { id, inputs }: Pick<TaskApiOperation, 'id' | 'inputs'>,
    answer: ApiAnswer,
    body: JobAnswer,
    { clock }: StageContext,
  ): FinishedJob => ({ id, inputs, body, answer, api, clock, timeoutMs, allowPrivateAddresses, contentUrlOf })

  function readStarted(
    { answer, data }: SubmissionAnswer,
    request: VideoRequest,
    context: SubmitContext,
  ): StartedTask<TaskApiOperation> {
    const body = readStartedJob(answer, read)
    // An error with the id of its request is not a job.
    const upstreamId = body.id ?? (reportsError(body) ? undefined : body.requestId)
    const known = { id: upstreamId ?? context.idempotencyKey, inputs: inputsOf(request) }
    const job = jobOf(known, answer, body, context)
    // A server that answers with the video itself may give no id; the job then gets an id from here.
    if (upstreamId === undefined && namedVideo(job) === undefined)
      throw refusalIn(body, answer) ?? unreadable(answer, 'it has neither an id nor a video')
    const flaw = flawOfId(job)
    if (flaw !== undefined) throw unreadable(answer, flaw)
    const operation = operationOf(job, data)
    const foreign = foreignAddress(job)
    if (foreign !== undefined) context.warn?.(foreign)
    const usage = submissionUsage(body.layers, body.facts.usage, answer.headers)
    const isClean = usage !== undefined && !carriesSecret(JSON.stringify(usage), answer.secrets)
    const taken = { operation, ...(isClean && { usage }) }
    const doubt = body.id === undefined ? undefined : doubtIn(body, answer)
    if (doubt !== undefined) context.warn?.(doubt)
    // An error status, and an error without the state of a failed job, are about the answer; the job has its own status.
    if (answer.status >= 400 || doubt !== undefined) return taken
    if (service.resultUrlOf?.(operation) !== undefined && needsResult(job)) return taken
    const status = jobStatus(job, grace)
    const isPending = status.state === 'queued' || status.state === 'running'
    if (upstreamId === undefined && isPending) throw unreadable(answer, 'its job has no id')
    const isToCome = status.state === 'completed' && upstreamId !== undefined && isVideoToCome(job)
    return { ...taken, status: isToCome ? { state: 'running' } : status }
  }

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

  return {
    name,
    ...(options.label !== undefined && { label: options.label }),
    upstream: options.upstreamId ?? endpointOf(options.baseUrl),
    endpoints: [endpointOf(options.baseUrl)],
    ...(service.check !== undefined && { check: service.check }),
    submission: {
      idempotency: options.idempotency,
      lookup: found === undefined ? 'none' : 'fingerprint',
      settleMs: options.settleMs,
      ...(service.sendsCallback === true && { callback: true }),
    },
    ...(prepare !== undefined && {
      async prepare(request: VideoRequest, context: StageContext) {
        context.signal.throwIfAborted()
        return prepare(request, context)
      },
    }),
    async start(given, context) {
      context.signal.throwIfAborted()
      try {
        checkJsonFields(given)
        // Already prepared in a pipeline, which keeps what was fetched.
        const request = (await prepare?.(given, context)) ?? given
        return readStarted(await service.submit(request, context), request, context)
      } catch (error) {
        throw submissionError(error, name, context.signal)
      }
    },
    checkOperation: (operation) => checkOperation(operation as TaskApiOperation),
    async poll(operation, context) {
      context.signal.throwIfAborted()
      checkOperation(operation)
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
    },
    ...(listed !== undefined && {
      async pollMany(operations: readonly TaskApiOperation[], context: StageContext) {
        context.signal.throwIfAborted()
        // A job with an address of its own may be listed elsewhere.
        const ids = operations.map((operation) => (listed.has(operation) ? operation.id : undefined))
        const asked = ids.filter((id) => id !== undefined)
        const statusIn = (body: JobAnswer, answer: ApiAnswer) =>
          listedStatus(jobOf({ id: body.id ?? '' }, answer, body, context))
        const statuses = await pollListedJobs(api, listed.list, asked, statusIn, callOptions(context))
        return ids.map((id) => (id === undefined ? undefined : statuses.get(id)))
      },
    }),
    ...(found !== undefined && {
      find: async (request: VideoRequest, context: FindContext): Promise<TaskApiOperation[] | 'unclear'> => {
        context.signal.throwIfAborted()
        const sent = (await service.sentOf?.(request, context)) ?? { prompts: promptsOf(request) }
        const { prompts, data = {} } = sent
        const ids = await findJobs(api, found, prompts, context, callOptions(context))
        if (ids === 'unclear') return ids
        const inputs = inputsOf(request)
        const known = { ...(Object.keys(data).length > 0 && { data }), ...(inputs.length > 0 && { inputs }) }
        return ids.map((id) => ({ id, ...known }))
      },
    }),
    ...(cancelOf !== undefined && {
      async cancel(operation: TaskApiOperation, context: StageContext) {
        context.signal.throwIfAborted()
        checkOperation(operation)
        const cancel = cancelOf(operation)
        if (cancel === undefined) return 'unsupported'
        return cancelJob(api, { poll: pollOf(operation), cancel, read }, callOptions(context), context.warn)
      },
    }),
    ...(variantUrlOf !== undefined && {
      async openVariant(operation: TaskApiOperation, variant: VideoVariant, { signal }: StageContext) {
        signal.throwIfAborted()
        checkOperation(operation)
        const url = variantUrlOf(operation.id, variant)
        return openPicture(api, { url, variant, timeoutMs, allowPrivateAddresses, signal })
      },
    }),
  }
}
