import type { VideoRequest } from '../contracts/request.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import { untilAccepted } from './accepted-run.js'
import type { Call } from './call.js'
import type { PreparedCall } from './handler-options.js'
import { runIdOf } from './run-id.js'

/**
 * Runs a request for its owner, or joins the run that it was sent for before, and waits until the upstream has taken the job.
 * @throws what the run failed with by then.
 */
export async function startRun(call: Call, request: VideoRequest, route: PreparedCall['route']): Promise<PipelineRun> {
  const { owner, runner, settings } = call
  const { prepare, acceptTimeoutMs, clock, onDisconnect } = settings
  const { headers, signal } = call.request
  const id = runIdOf(call.request, owner)
  const prepared = prepare ? await prepare(request, { owner, route, headers }) : request
  const run = runner.run(prepared, { id, owner })
  try {
    await untilAccepted(run, { timeoutMs: acceptTimeoutMs, clock, signal })
  } catch (error) {
    if (signal.aborted && onDisconnect === 'cancel' && route === 'chat') void run.cancel(signal.reason)
    throw error
  }
  return run
}
