import type { VideoRequest } from '../../contracts/request.js'
import { checkRequest } from '../../pipeline/check-request.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import { identityOf } from '../../pipeline/state/run-state.js'
import type { Call } from '../call.js'
import type { PreparedCall } from '../handler-options.js'
import { untilAccepted } from './accepted-run.js'
import { runIdOf } from './run-id.js'

/**
 * Runs a request for its owner, or joins the run that it was sent for before, and waits until the upstream has taken the job.
 * @throws what the run failed with by then.
 */
export async function startRun(call: Call, request: VideoRequest, route: PreparedCall['route']): Promise<PipelineRun> {
  const { acceptTimeoutMs, clock, onDisconnect } = call.settings
  const { signal } = call.request
  const endsWithSender = onDisconnect === 'cancel' && route === 'chat'
  const run = await openRun(call, request, { route, endsWithSender })
  try {
    await untilAccepted(run, { timeoutMs: acceptTimeoutMs, clock, signal })
  } catch (error) {
    if (signal.aborted && endsWithSender) void run.cancel(signal.reason)
    throw error
  }
  return run
}

// Runs of a key are read so many at a time. The oldest may have been forgotten by now.
const CHUNK = 8

// The latest run of a key, or the next one when that was refused. Another request than that of the key is refused by its run.
async function keyedId({ request, owner, runner }: Call, asked: VideoRequest): Promise<string> {
  const { fingerprint } = identityOf(checkRequest(asked), owner)
  for (let first = 1, next = 1; ; first += CHUNK) {
    const ids = Array.from({ length: CHUNK }, (_, index) => runIdOf(request, owner, first + index))
    const records = await Promise.all(ids.map((id) => runner.get(id)))
    const latest = records.findLastIndex((record) => record !== undefined)
    const record = records[latest]
    if (record === undefined) return runIdOf(request, owner, next)
    if (record.isRefused !== true || record.fingerprint !== fingerprint) return record.id
    next = first + latest + 1
  }
}

async function openRun(
  call: Call,
  request: VideoRequest,
  { route, endsWithSender }: { readonly route: PreparedCall['route']; readonly endsWithSender: boolean },
): Promise<PipelineRun> {
  const { owner, runner, settings, repeats } = call
  const { headers } = call.request
  const id = runIdOf(call.request, owner)
  const repeatable = { owner, route, video: request, headers, endsWithSender }
  const isKeyed = headers.has('idempotency-key')
  const begun = isKeyed ? undefined : repeats.find(repeatable)
  // What its owner has removed meanwhile is not wanted back.
  if (begun !== undefined && (await runner.get(begun)) !== undefined) {
    repeats.begin(call.request, repeatable, begun)
    return runner.resume(begun)
  }
  const prepared = settings.prepare ? await settings.prepare(request, { owner, route, headers }) : request
  const run = runner.run(prepared, { id: isKeyed ? await keyedId(call, prepared) : id, owner })
  if (!isKeyed) repeats.begin(call.request, repeatable, id)
  return run
}
