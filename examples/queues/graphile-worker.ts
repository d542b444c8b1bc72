// Runs on graphile-worker: one job for each run, which replaces itself with the time when the run is due again.
import type { AddJobFunction, TaskList } from 'graphile-worker'
import type { SoraPipeline, VideoRequest } from 'sora-pipeline'

interface Start {
  readonly pipeline: SoraPipeline
  /** Of graphile-worker: helpers.addJob, or makeWorkerUtils(…).addJob. */
  readonly addJob: AddJobFunction
}

/** Call it in an HTTP process. Read the run with followRun(store, id). */
export async function startRun({ pipeline, addJob }: Start, request: VideoRequest, id: string): Promise<void> {
  await pipeline.create(request, { id })
  await addJob('advance', { id }, { jobKey: id })
}

/** The tasks for run({ taskList, crontab: '* * * * * sweep' }). */
export function tasksOf(pipeline: SoraPipeline): TaskList {
  return {
    advance: async (payload, { addJob }) => {
      const { id } = payload as { readonly id: string }
      const { status, wakeAt } = await pipeline.advance(id)
      if (status === 'running') await addJob('advance', { id }, { jobKey: id, runAt: new Date(wakeAt) })
    },
    // Runs that have no job, such as after a crash between the store and the queue.
    sweep: async (_, { addJob }) => {
      for (const id of await pipeline.due()) await addJob('advance', { id }, { jobKey: id })
    },
  }
}
