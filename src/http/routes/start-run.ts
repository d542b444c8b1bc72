import type { VideoRequest } from '../../contracts/request.js'
import type { PipelineRun } from '../../pipeline/pipeline-run.js'
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
  const run = runner.run(prepared, { id, owner })
  if (!isKeyed) repeats.begin(call.request, repeatable, id)
  return run
}
