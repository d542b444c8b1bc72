// Runs on Trigger.dev: one task run for each run, which waits between two steps without a machine. A step that is repeated costs time,
// never money, because the state of the run is in the store.
import { schedules, task, wait } from '@trigger.dev/sdk'
import type { SoraPipeline, VideoRequest } from 'sora-pipeline'

/** In a file of the trigger folder: export const { videoRun, sweep } = tasksOf(pipeline). */
export function tasksOf(pipeline: SoraPipeline) {
  const videoRun = task({
    id: 'video-run',
    retry: { maxAttempts: 10 },
    run: async ({ id, request }: { readonly id: string; readonly request?: VideoRequest }) => {
      if (request) await pipeline.create(request, { id })
      for (;;) {
        const { status, wakeAt } = await pipeline.advance(id)
        if (status !== 'running') return
        await wait.until({ date: new Date(Math.max(wakeAt, Date.now() + 500)) })
      }
    },
  })
  // Runs without a task run, such as after one that failed too often. A second one costs nothing.
  const sweep = schedules.task({
    id: 'sweep-video-runs',
    cron: '*/5 * * * *',
    run: async () => {
      for (const id of await pipeline.due())
        await videoRun.trigger({ id }, { idempotencyKey: id, idempotencyKeyTTL: '5m' })
    },
  })
  return { videoRun, sweep }
}

/** In an HTTP process. A known id is not started again. Read the run with followRun(store, id). */
export async function startRun({ videoRun }: ReturnType<typeof tasksOf>, request: VideoRequest, id: string) {
  await videoRun.trigger({ id, request }, { idempotencyKey: id })
}
