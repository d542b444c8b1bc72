// Runs on Inngest: one function run for each run, which sleeps between two steps. A step that is repeated costs time, never money,
// because the state of the run is in the store.
import type { Inngest } from 'inngest'
import type { SoraPipeline, VideoRequest } from 'sora-pipeline'

/** In an HTTP process. Read the run with followRun(store, id). */
export async function startRun(inngest: Inngest.Any, pipeline: SoraPipeline, request: VideoRequest, id: string) {
  await pipeline.create(request, { id })
  await inngest.send({ name: 'video/run', id, data: { id } })
}

/** The functions for serve({ client: inngest, functions }). */
export function functionsOf(inngest: Inngest, pipeline: SoraPipeline) {
  const advance = inngest.createFunction(
    { id: 'video-run', retries: 20, concurrency: { key: 'event.data.id', limit: 1 }, triggers: { event: 'video/run' } },
    async ({ event, step }) => {
      const id = String(event.data.id)
      for (;;) {
        const { status, wakeAt } = await step.run('advance', async () => {
          const { status, wakeAt } = await pipeline.advance(id)
          return { status, wakeAt }
        })
        if (status !== 'running') return
        await step.sleepUntil('until it is due', new Date(wakeAt))
      }
    },
  )
  // Runs without a function run, such as after one that failed too often. A second one costs nothing.
  const sweep = inngest.createFunction({ id: 'sweep', triggers: { cron: '*/5 * * * *' } }, async ({ step }) => {
    const ids = await step.run('due', () => pipeline.due())
    if (ids.length > 0)
      await step.sendEvent(
        'again',
        ids.map((id) => ({ name: 'video/run', data: { id } })),
      )
  })
  return [advance, sweep]
}
