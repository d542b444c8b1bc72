import type { StartedTask, TaskGenerator } from '../../../contracts/generator.js'
import type { VideoRequest } from '../../../contracts/request.js'
import type { VideoVariant } from '../../../contracts/source.js'
import type { FindContext, StageContext, SubmitContext } from '../../../contracts/stage.js'
import type { ApiAnswer } from '../../../upstream/api.js'
import { endpointOf } from '../../../upstream/endpoint-of.js'
import { unreadable } from '../../../upstream/json-answer.js'
import { carriesSecret } from '../../../upstream/secret.js'
import type { JobAnswer } from '../answers/job-answer.js'
import { submissionUsage } from '../answers/job-usage.js'
import { checkJsonFields } from '../json-fields.js'
import { cancelJob } from './cancel-job.js'
import { findJobs } from './find-jobs.js'
import { earlyUrlOf, isVideoToCome, namedVideo } from './finished-job.js'
import { createGracePolls } from './grace-polls.js'
import type { JobList } from './job-list.js'
import { createJobOf, createJobPoll, type JobCall, type PolledService } from './job-poll.js'
import { jobStatus, listedStatus } from './job-status.js'
import { needsResult } from './job-verdict.js'
import { openPicture } from './open-picture.js'
import { checkOperation, flawOfId, foreignAddress, operationOf, type TaskApiOperation } from './operation.js'
import { pollListedJobs } from './poll-listed-jobs.js'
import { promptsOf } from './prompt-match.js'
import { inputsOf } from './request-inputs.js'
import { doubtIn, readStartedJob, refusalIn, reportsError } from './started-job.js'
import type { SentSubmission, SubmissionAnswer } from './submission-answer.js'
import { submissionError } from './submission-error.js'

/** An API of the submit-and-poll kind, and how its answers are read. */
export interface TaskService extends PolledService {
  readonly options: PolledService['options'] & {
    readonly name: string
    readonly label?: string | undefined
    readonly baseUrl: string
    readonly upstreamId?: string | undefined
    readonly idempotency: 'key' | 'none'
    readonly settleMs: number
  }
  /** Fetches the media that a submission needs as bytes; without it addresses are sent as they are. */
  readonly prepare?: ((request: VideoRequest, context: StageContext) => Promise<VideoRequest>) | undefined
  /** Sends one submission. An error that proves a refusal says that nothing was accepted. */
  readonly submit: (request: VideoRequest, context: SubmitContext) => Promise<SubmissionAnswer>
  /** Place of a picture of the video, which the server may or may not have. */
  readonly variantUrlOf?: ((id: string, variant: VideoVariant) => string) | undefined
  /** The list in which a submission of unknown outcome is searched for. */
  readonly found?: JobList | undefined
  /** The submission of a request that the list may show; if absent, the request itself, of which nothing is kept. */
  readonly sentOf?: ((request: VideoRequest, context: FindContext) => Promise<SentSubmission>) | undefined
  /** The list that answers for many polls, and whether a job is in it. */
  readonly listed?: { readonly list: JobList; readonly has: (operation: TaskApiOperation) => boolean } | undefined
  /** Whether `submit` passes `callbackUrl` of its context on. */
  readonly sendsCallback?: boolean | undefined
  /** Checks the key and the address without a job, for a diagnosis. */
  readonly check?: TaskGenerator['check']
  readonly cancelOf?: ((operation: TaskApiOperation) => JobCall | undefined) | undefined
}

/** The generator of an API of the submit-and-poll kind. */
export function generatorOf(service: TaskService): TaskGenerator<TaskApiOperation> {
  const { options, api, read, prepare, pollOf, found, listed, cancelOf, variantUrlOf } = service
  const { name, timeoutMs, maxAnswerBytes } = options
  const grace = createGracePolls()
  const jobOf = createJobOf(service)
  const poll = createJobPoll(service, jobOf, grace)
  const callOptions = ({ signal }: StageContext) => ({ signal, timeoutMs, maxBytes: maxAnswerBytes })
  // An API without polls gives the video in answer to the submission.
  const canPoll = (operation: TaskApiOperation) => {
    try {
      return pollOf(operation) !== undefined
    } catch {
      return false
    }
  }

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
    const isToCome =
      status.state === 'completed' && upstreamId !== undefined && canPoll(operation) && isVideoToCome(job)
    if (!isToCome) return { ...taken, status }
    const videoUrl = earlyUrlOf(job)
    return {
      ...taken,
      operation: { ...operation, ...(videoUrl !== undefined && { videoUrl }) },
      status: { state: 'running' },
    }
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
      return poll(operation, context)
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
        const { allowPrivateAddresses } = options
        return openPicture(api, { url, variant, timeoutMs, allowPrivateAddresses, signal })
      },
    }),
  }
}
