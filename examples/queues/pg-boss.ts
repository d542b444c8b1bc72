// Runs on pg-boss: each job takes one step of a run, and the next job starts when the run is due again. A job that is lost or
// doubled costs time, never money, because the state of the run is in the store.
import type { PgBoss } from 'pg-boss'
import type { SoraPipeline, VideoRequest } from 'sora-pipeline'

const QUEUE = 'video-runs'
const SWEEP_MS = 5000

/** Call it in an HTTP process. Read the run with followRun(store, id). */
export async function startRun(boss: PgBoss, pipeline: SoraPipeline, request: VideoRequest, id: string): Promise<void> {
  await pipeline.create(request, { id })
  await boss.send(QUEUE, { id })
}

/** Call it in a worker; the result stops it. Close the pipeline and boss afterwards. */
export async function work(boss: PgBoss, pipeline: SoraPipeline): Promise<() => Promise<void>> {
  await boss.createQueue(QUEUE, { retryLimit: 1000, retryDelay: 1, heartbeatSeconds: 10 })
  await boss.work<{ id: string }>(QUEUE, { pollingIntervalSeconds: 0.5, localConcurrency: 10 }, async ([job]) => {
    if (job === undefined) return
    const { status, wakeAt } = await pipeline.advance(job.data.id)
    if (status !== 'running') return
    await boss.send(QUEUE, job.data, { startAfter: new Date(Math.max(wakeAt, Date.now() + 500)) })
  })
  // Runs that have no job, such as after a crash between the store and the queue.
  const sweep = async () => {
    const singletonSeconds = (2 * SWEEP_MS) / 1000
    for (const id of await pipeline.due()) await boss.send(QUEUE, { id }, { singletonKey: id, singletonSeconds })
  }
  const timer = setInterval(() => sweep().catch(console.error), SWEEP_MS)
  return async () => {
    clearInterval(timer)
    await boss.offWork(QUEUE)
  }
}
