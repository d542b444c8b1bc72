// Runs on Temporal: one workflow for each run, whose activities take its steps. An activity that is repeated costs time, never money,
// because the state of the run is in the store.
import { proxyActivities, sleep } from '@temporalio/workflow'
import type { SoraPipeline, VideoRequest } from 'sora-pipeline'

/** In the worker: Worker.create({ activities: activitiesOf(pipeline), workflowsPath, … }). */
export function activitiesOf(pipeline: SoraPipeline) {
  return {
    create: async (id: string, request: VideoRequest): Promise<void> => {
      await pipeline.create(request, { id })
    },
    /** Resolves to when the run is due again, or to undefined when it has ended. */
    advance: async (id: string): Promise<number | undefined> => {
      const { status, wakeAt } = await pipeline.advance(id)
      return status === 'running' ? wakeAt : undefined
    },
  }
}

// Temporal repeats an activity that fails, such as while the store is down, until it succeeds.
const { create, advance } = proxyActivities<ReturnType<typeof activitiesOf>>({ startToCloseTimeout: '10 minutes' })

/** In an HTTP process: client.workflow.start(videoRun, { workflowId: id, taskQueue, args: [id, request] }). */
export async function videoRun(id: string, request: VideoRequest): Promise<void> {
  await create(id, request)
  for (let wakeAt = await advance(id); wakeAt !== undefined; wakeAt = await advance(id)) {
    await sleep(Math.max(500, wakeAt - Date.now()))
  }
}
