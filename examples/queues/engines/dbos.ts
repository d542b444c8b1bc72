// Runs on DBOS: one workflow for each run, in PostgreSQL, without a server of its own. A step that is repeated costs time, never money,
// because the state of the run is in the store.
import { DBOS } from '@dbos-inc/dbos-sdk'
import type { SoraPipeline, VideoRequest } from 'sora-pipeline'

/** Call it in every process, before DBOS.launch(). */
export function registerRuns(pipeline: SoraPipeline) {
  // While the store is down, a step is repeated, for an hour and more.
  const patiently = { retriesAllowed: true, intervalSeconds: 5, backoffRate: 1, maxAttempts: 1000 }
  const advance = async (id: string): Promise<number | null> => {
    const { status, wakeAt } = await pipeline.advance(id)
    // In the step, because a workflow that is replayed must not read the clock.
    return status === 'running' ? Math.max(500, wakeAt - Date.now()) : null
  }
  const videoRun = async (id: string, request: VideoRequest): Promise<void> => {
    await DBOS.runStep(() => pipeline.create(request, { id }).then(() => undefined), { name: 'create', ...patiently })
    for (;;) {
      const waitMs = await DBOS.runStep(() => advance(id), { name: 'advance', ...patiently })
      if (waitMs === null) return
      await DBOS.sleep(waitMs)
    }
  }
  const workflow = DBOS.registerWorkflow(videoRun, { name: 'videoRun' })
  /** Starts a run; a known id is not started again. Read the run with followRun(store, id). */
  return async (id: string, request: VideoRequest): Promise<void> => {
    await DBOS.startWorkflow(workflow, { workflowID: id })(id, request)
  }
}
