import type { VideoRequest } from '../../contracts/request.js'
import { checkRequest } from '../../pipeline/check-request.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import { identityOf } from '../../pipeline/state/run-state.js'
import type { Call } from '../call.js'
import type { PreparedCall } from '../handler-options.js'
import { errorOfRun } from '../run-error.js'
import { untilAccepted } from './accepted-run.js'
import { runIdOf } from './run-id.js'

/** The request of a client. */
export interface RequestedVideo extends Pick<PreparedCall, 'route' | 'otherFields'> {
  readonly video: VideoRequest
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
  const run = await openRun(call, requested, endsWithSender)
  try {
    await untilAccepted(run, { timeoutMs: acceptTimeoutMs, clock, signal })
  } catch (error) {
    if (signal.aborted && endsWithSender) void run.cancel(signal.reason)
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

async function openRun(
  call: Call,
  { video, route, otherFields }: RequestedVideo,
  endsWithSender: boolean,
): Promise<PipelineRun> {
  const { owner, runner, settings, repeats, places } = call
  const { headers } = call.request
  const id = runIdOf(call.request, owner)
  const repeatable = { owner, route, video, otherFields, headers, endsWithSender }
  const isKeyed = headers.has('idempotency-key')
  const getRun = (runId: string) => runner.get(runId)
  const begun = isKeyed ? undefined : (repeats.find(repeatable) ?? (await repeats.findPaid(repeatable, getRun)))
  // A run that its owner has removed meanwhile is not started again.
  if (begun !== undefined && (await runner.get(begun)) !== undefined) {
    repeats.begin(call.request, repeatable, begun)
    return runner.resume(begun)
  }
  const fetchHeaders = () => call.request.toFetchHeaders?.() ?? (headers as Headers)
  const prepare = async () => settings.prepare?.(video, { owner, route, headers: fetchHeaders(), otherFields }) ?? video
  if (isKeyed) {
    const prepared = await prepare()
    const keyed = await keyedRun(call, prepared)
    const start = async () => runner.run(prepared, { id: keyed.id, owner })
    return keyed.isKnown ? start() : places.begin({ owner, id: keyed.id }, start)
  }
  const run = await places.begin({ owner, id }, async () => runner.run(await prepare(), { id, owner }))
  repeats.begin(call.request, repeatable, id)
  return run
}
