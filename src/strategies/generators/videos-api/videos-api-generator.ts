import type { StartedTask, TaskGenerator, TaskStatus } from '../../../contracts/generator.js'
import type { VideoRequest } from '../../../contracts/request.js'
import type { FindContext, StageContext, SubmitContext } from '../../../contracts/stage.js'
import { type ApiAnswer, createApi } from '../../../upstream/api.js'
import { endpointOf } from '../../../upstream/endpoint-of.js'
import { readJsonBody, unreadable } from '../../../upstream/json-answer.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { isPlainHttp } from '../../../upstream/plain-http.js'
import { carriesSecret, holdsSecret } from '../../../upstream/secret.js'
import { hasVideoEvidence } from '../../../upstream/video-output.js'
import { entryOf, hasId, isOfAnother } from '../answers/answer-layers.js'
import { type JobState, jobStateOf } from '../answers/job-state.js'
import { submissionUsage } from '../answers/job-usage.js'
import { checkLists } from '../check-lists.js'
import { cancelVideo } from './cancel-video.js'
import { planCreate } from './create-plan.js'
import { findVideos } from './find-videos.js'
import { type FinishedJob, namedVideo } from './finished-job.js'
import { type JobAnswer, readJob } from './job-answer.js'
import { type GracePolls, jobStatus, listedStatus } from './job-status.js'
import { pollVideos } from './poll-videos.js'
import { readStartedJob, refusalIn, reportsError } from './started-job.js'
import { createVideoSubmitter, submissionError } from './video-submitter.js'
import { checkVideosApiOptions, type VideosApiGeneratorOptions } from './videos-api-options.js'

/** A job at a server of the `/v1/videos` family. */
export type VideosApiOperation = {
  /** Id of the job at the server. */
  readonly id: string
  /** Address for polls, if the server gave one; always on the API's own origin. */
  readonly pollUrl?: string
}

const ENDED: ReadonlySet<JobState> = new Set(['completed', 'failed', 'moderated', 'cancelled', 'expired'])
const GRACE_POLLS = 3
// Few jobs are in grace; past this many the oldest is forgotten, and only waits again.
const MOST_IN_GRACE = 1_000

/**
 * Generates through any server of the `/v1/videos` family: the shape of the retired OpenAI Videos API, served by vLLM-Omni,
 * SGLang, LiteLLM, new-api, OpenRouter and others. There is no default address.
 *
 * A submission is one `POST`. Any answer that may come from an accepted one (a reset, a timeout, 408, 409, 499, 3xx,
 * most 5xx, an unreadable success) rejects with `SubmissionUnknownError`. `image` is sent as `input_reference`,
 * `video` as bytes to `/videos/edits`, `remixOf` to `/videos/{id}/remix`; `providerOptions` are merged into the body
 * last. `seed`, `audio` and `user` are not sent and give a warning, `style` and `storyboard` an
 * `InvalidRequestError`, unless `providerOptions` has them.
 *
 * An unknown state means that the job runs. `cancel` deletes a job that is still running; SGLang answers as if it
 * stopped but continues. An abort only ends the wait: the job continues upstream, at its price, until it is cancelled
 * there.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { videosApiGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = videosApiGenerator({ baseUrl: 'https://api.example/v1', apiKey: 'your-key', model: 'sora-2' })
 * console.log(generator.name)
 * ```
 */
export function videosApiGenerator(given: VideosApiGeneratorOptions): TaskGenerator<VideosApiOperation> {
  const options = checkVideosApiOptions(given)
  const { name, timeoutMs, maxAnswerBytes, allowPrivateAddresses } = options
  const api = createApi({ ...options, subject: name })
  const submitter = createVideoSubmitter(api, options)
  const grace = createGracePolls()
  const callOptions = ({ signal }: StageContext) => ({ signal, timeoutMs, maxBytes: maxAnswerBytes })

  const jobOf = (id: string, answer: ApiAnswer, body: JobAnswer, { clock }: StageContext) => {
    return { id, body, answer, api, clock, timeoutMs, allowPrivateAddresses }
  }
  const pollUrlOf = ({ id, pollUrl }: VideosApiOperation) => {
    const isOwn = pollUrl !== undefined && URL.canParse(pollUrl) && new URL(pollUrl).origin === api.origin
    return isOwn ? pollUrl : api.address(`/videos/${encodeURIComponent(id)}`)
  }

  const isAtUsualPlace = (operation: VideosApiOperation) => pollUrlOf(operation) === pollUrlOf({ id: operation.id })

  function readStarted(answer: ApiAnswer, context: SubmitContext): StartedTask<VideosApiOperation> {
    const body = readStartedJob(answer)
    // An error with the id of its request is not a job.
    const upstreamId = body.id ?? (reportsError(body) ? undefined : body.requestId)
    const job = jobOf(upstreamId ?? context.idempotencyKey, answer, body, context)
    // A server that answers with the video itself may give no id; the job then gets an id from here.
    if (upstreamId === undefined && namedVideo(job) === undefined)
      throw refusalIn(body, answer) ?? unreadable(answer, 'it has neither an id nor a video')
    // The id would appear in events, handles and stores.
    if (carriesSecret(job.id, answer.secrets)) throw unreadable(answer, 'the id of the job contains the key')
    const pollUrl = ownPollUrl(body, answer)
    const operation = { id: job.id, ...(pollUrl !== undefined && { pollUrl }) }
    const usage = submissionUsage(body.layers, body.facts.usage, answer.headers)
    const isClean = usage !== undefined && !carriesSecret(JSON.stringify(usage), answer.secrets)
    const taken = { operation, ...(isClean && { usage }) }
    // An error status is about the answer; the job has its own status.
    if (answer.status >= 400) return taken
    const status = jobStatus(job, grace)
    const isPending = status.state === 'queued' || status.state === 'running'
    if (upstreamId === undefined && isPending) throw unreadable(answer, 'its job has no id')
    return { ...taken, status: isAddressToCome(job, status, upstreamId) ? { state: 'running' } : status }
  }

  // An address without a state may belong to a video that is still being made: the job is polled for it.
  function isAddressToCome({ body, answer }: FinishedJob, { state }: TaskStatus, id: string | undefined): boolean {
    if (state !== 'completed' || body.state !== undefined || id === undefined) return false
    return answer.video === undefined && !hasVideoEvidence(body.body, api.address('/'))
  }

  function ownPollUrl(body: JobAnswer, answer: ApiAnswer): string | undefined {
    const value = body.pollAddress
    if (value === undefined || !URL.canParse(value, answer.url)) return undefined
    const url = new URL(value, answer.url)
    const isUsable = url.origin === api.origin && isPlainHttp(url) && !holdsSecret(url.href, answer.secrets)
    return isUsable ? url.href : undefined
  }

  return {
    name,
    ...(options.label !== undefined && { label: options.label }),
    upstream: options.upstreamId ?? endpointOf(options.baseUrl),
    endpoints: [endpointOf(options.baseUrl)],
    check: ({ signal }) => checkLists(api, { paths: ['/models', '/videos'], signal, timeoutMs }),
    submission: {
      idempotency: options.idempotency,
      lookup: options.lookup === 'list' ? 'fingerprint' : 'none',
      settleMs: options.settleMs,
      ...(options.callbackField !== undefined && { callback: true }),
    },
    async start(request, context) {
      context.signal.throwIfAborted()
      const plan = planCreate(request, options, context)
      try {
        return readStarted(await submitter.submit(plan, context), context)
      } catch (error) {
        throw submissionError(error, name, context.signal)
      }
    },
    async poll(operation, context) {
      context.signal.throwIfAborted()
      const what = 'poll the job'
      const { id } = operation
      const isAnswer = (text: string) => isVerdict(text, id)
      const answer = await api.call({
        ...callOptions(context),
        what,
        method: 'GET',
        url: pollUrlOf(operation),
        isAnswer,
      })
      if (answer.video !== undefined) return jobStatus(jobOf(id, answer, readJob({ id }), context), grace)
      const json = readJsonBody(answer)
      // The job, or a list of one.
      if (Object(json) !== json) throw unreadable(answer, 'it is not of the expected shape')
      const body = readJob(entryOf(json, id))
      if (body.layers.length === 0) throw unreadable(answer, 'it has no job')
      if (isOfAnother(body.layers, id)) throw unreadable(answer, 'it is about another job')
      return jobStatus(jobOf(id, answer, body, context), grace)
    },
    async pollMany(operations, context) {
      context.signal.throwIfAborted()
      // A job with an address of its own may be listed elsewhere.
      const ids = operations.map((operation) => (isAtUsualPlace(operation) ? operation.id : undefined))
      const asked = ids.filter((id) => id !== undefined)
      const statuses = await pollVideos(
        api,
        asked,
        (body, answer) => listedStatus(jobOf(body.id ?? '', answer, body, context)),
        callOptions(context),
      )
      return ids.map((id) => (id === undefined ? undefined : statuses.get(id)))
    },
    ...(options.lookup === 'list' && {
      find: async (request: VideoRequest, context: FindContext): Promise<VideosApiOperation[] | 'unclear'> => {
        context.signal.throwIfAborted()
        const ids = await findVideos(api, request, context, callOptions(context))
        return ids === 'unclear' ? ids : ids.map((id) => ({ id }))
      },
    }),
    async cancel(operation, context) {
      context.signal.throwIfAborted()
      return cancelVideo(api, { id: operation.id, url: pollUrlOf(operation) }, callOptions(context))
    },
  }
}

// vLLM-Omni answers the poll of a failed job with the status of its error, and the whole job.
function isVerdict(text: string, id: string): boolean {
  const job = readJob(jsonOf(text))
  const { state, layers, createdAt } = job
  if (state === undefined || !ENDED.has(jobStateOf(state)) || isOfAnother(layers, id)) return false
  return layers.some(hasId) || job.facts.object === 'video' || createdAt !== undefined
}

function createGracePolls(): GracePolls {
  const taken = new Map<string, number>()
  return {
    take(id) {
      const count = taken.get(id) ?? 0
      const oldest = taken.keys().next().value
      if (count === 0 && taken.size >= MOST_IN_GRACE && oldest !== undefined) taken.delete(oldest)
      taken.set(id, count + 1)
      return count < GRACE_POLLS
    },
  }
}
