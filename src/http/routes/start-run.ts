import { isSoraPipelineError, type SoraPipelineError, toErrorJson } from '../../contracts/errors.js'
import type { VideoRequest } from '../../contracts/request.js'
import { RunStateError } from '../../contracts/run-errors.js'
import { checkRequest } from '../../pipeline/check-request.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import { identityOf } from '../../pipeline/state/request-fingerprint.js'
import { traceparentOfHeader } from '../../pipeline/tracing/traceparent.js'
import type { Call } from '../call.js'
import type { PreparedCall } from '../handler-options.js'
import { type MeaningfulField, refuseMeaningful } from '../requests/meaningful-fields.js'
import type { OtherFields } from '../requests/other-fields.js'
import { errorOfRun } from '../run-error.js'
import { untilAccepted } from './accepted-run.js'
import type { RepeatableCall } from './repeated-requests.js'
import { runIdOf } from './run-id.js'

/** The request of a client. */
export interface RequestedVideo extends Pick<PreparedCall, 'route' | 'otherFields'> {
  /** Of `otherFields`, those that `prepare` has to read. */
  readonly meaningful?: readonly MeaningfulField[] | undefined
  readonly video: VideoRequest
  /** Gets a webhook when the run ends. */
  readonly webhookUrl?: string | undefined
}

interface OpenedRun {
  readonly run: PipelineRun
  /** Whether this request saved the webhook of the run. */
  readonly hasNewWebhook: boolean
}

/**
 * Starts the run of a request for its owner, or joins the run of an earlier identical request, and waits until the
 * upstream has accepted the job.
 * @throws the error of a run that failed by then.
 */
export async function startRun(call: Call, requested: RequestedVideo): Promise<PipelineRun> {
  const { acceptTimeoutMs, clock, onDisconnect } = call.settings
  const { signal } = call.request
  const endsWithSender = onDisconnect === 'cancel' && requested.route === 'chat'
  const { webhookUrl } = requested
  const { run, hasNewWebhook } = await openRun(call, requested, endsWithSender)
  try {
    await untilAccepted(run, { timeoutMs: acceptTimeoutMs, clock, signal })
  } catch (error) {
    if (signal.aborted && endsWithSender) void run.cancel(signal.reason)
    if (hasNewWebhook && !signal.aborted) await dropWebhook(call, run.id)
    // The video of a client that disconnected continues.
    if (webhookUrl !== undefined && signal.aborted) call.webhooks.follow(run, { url: webhookUrl, owner: call.owner })
    throw errorOfRun(run.id, error)
  }
  return run
}

// The number of runs of a key that are read together. The oldest may already be removed.
const CHUNK = 8

interface KeyedRun {
  readonly id: string
  /** Whether it was started before. */
  readonly isKnown: boolean
}

// The latest run of a key, or the next one if that was refused. The run refuses a request that differs from the first
// one of the key.
async function keyedRun({ request, owner, runner }: Call, video: VideoRequest): Promise<KeyedRun> {
  const { fingerprint } = identityOf(checkRequest(video), owner)
  for (let first = 1, next = 1; ; first += CHUNK) {
    const ids = Array.from({ length: CHUNK }, (_, index) => runIdOf(request, owner, first + index))
    const records = await Promise.all(ids.map((id) => runner.get(id)))
    const latest = records.findLastIndex((record) => record !== undefined)
    const record = records[latest]
    if (record === undefined) return { id: runIdOf(request, owner, next), isKnown: false }
    if (record.isRefused !== true || record.fingerprint !== fingerprint) return { id: record.id, isKnown: true }
    next = first + latest + 1
  }
}

async function openRun(call: Call, requested: RequestedVideo, endsWithSender: boolean): Promise<OpenedRun> {
  const { video, route, otherFields, webhookUrl } = requested
  const { owner, runner, repeats, places } = call
  const { headers } = call.request
  const traceparent = traceparentOfHeader(headers.get('traceparent'))
  const origin = { owner, ...(traceparent !== undefined && { traceparent }) }
  const prepare = () => preparedVideo(call, requested)
  const begin = async (id: string, prepared: VideoRequest | undefined): Promise<OpenedRun> => {
    let hasNewWebhook = false
    try {
      const run = await places.begin({ owner, id }, async () => {
        const request = prepared ?? (await prepare())
        hasNewWebhook = webhookUrl !== undefined && (await call.webhooks.keep(id, { url: webhookUrl, owner }))
        return runner.run(request, { ...origin, id })
      })
      return { run, hasNewWebhook }
    } catch (error) {
      if (hasNewWebhook) await dropWebhook(call, id)
      throw error
    }
  }
  const id = runIdOf(call.request, owner)
  if (headers.has('idempotency-key')) {
    const prepared = await prepare()
    const keyed = await keyedRun(call, prepared)
    if (!keyed.isKnown) return begin(keyed.id, prepared)
    return { run: runner.run(prepared, { ...origin, id: keyed.id }), hasNewWebhook: false }
  }
  const repeatable = { owner, route, video, otherFields, headers, endsWithSender }
  const found = await unkeyedRun(call, repeatable, id)
  // Before it is opened: a repeated request still finds a run that this process could not join.
  repeats.begin(call.request, repeatable, found.id)
  return found.isKnown ? { run: joined(call, found.id), hasNewWebhook: false } : begin(found.id, undefined)
}

async function preparedVideo(call: Call, requested: RequestedVideo): Promise<VideoRequest> {
  const { video, route, otherFields: given, meaningful = [] } = requested
  const { owner, settings, request } = call
  const { prepare } = settings
  if (prepare === undefined) return video
  const headers = request.toFetchHeaders?.() ?? (request.headers as Headers)
  const { otherFields, isRead } = withReadNames(given)
  const prepared = (await prepare(video, { owner, route, headers, otherFields })) ?? video
  refuseMeaningful(meaningful.filter(({ name }) => !isRead(name)))
  return prepared
}

// A list of the names counts as reading each, because what prepare does with it is not known.
function withReadNames(given: OtherFields) {
  const read = new Set<PropertyKey>()
  const otherFields = new Proxy(given, {
    get(target, name) {
      read.add(name)
      return Reflect.get(target, name)
    },
    ownKeys(target) {
      const names = Reflect.ownKeys(target)
      for (const name of names) read.add(name)
      return names
    },
  })
  return { otherFields, isRead: (name: string) => read.has(name) }
}

function joined({ runner }: Call, id: string): PipelineRun {
  try {
    return runner.resume(id)
  } catch (error) {
    throw errorOfRun(id, isSoraPipelineError(error) ? notJoined(id, error) : error)
  }
}

// The run may be paid, so the advice to send the request again must not follow.
function notJoined(id: string, cause: SoraPipelineError): RunStateError {
  const { reason } = toErrorJson(cause)
  const message = `Could not join the run of an earlier request: ${id}`
  return new RunStateError(message, { cause, ...(reason !== undefined && { reason }) })
}

// The run of an earlier identical request, here or at another process, or the next one. A run that its owner has removed
// meanwhile is not started again.
async function unkeyedRun(
  { request, runner, repeats, elsewhere }: Call,
  repeatable: RepeatableCall,
  id: string,
): Promise<KeyedRun> {
  const begun = repeats.find(repeatable) ?? (await repeats.findPaid(repeatable, (known) => runner.get(known)))
  const isBegun = begun !== undefined && (await runner.get(begun)) !== undefined
  const here = { id: isBegun ? begun : id, isKnown: isBegun }
  if (elsewhere === undefined) return here
  const there = await elsewhere.begin(request, repeatable, { id: here.id, joined: isBegun })
  if (there === here.id) return here
  // A process that died before it created the run leaves its id, under which at most one run is created.
  return { id: there, isKnown: (await runner.get(there)) !== undefined }
}

// Without the store it is dropped later, with its run, or reports the failure that the client knows.
async function dropWebhook({ webhooks }: Call, id: string): Promise<void> {
  await webhooks.drop(id).catch(() => undefined)
}
