// A worker: main.ts starts three, and kills one.
import { createWorker } from 'sora-pipeline/jobs'
import { openSite } from './site.ts'

const { pipeline, queue } = await openSite(({ runId, type }) => process.send?.({ runId, type }, ignored))
const worker = createWorker(pipeline, {
  ...queue,
  concurrency: 2, // So that each worker gets some of the runs: the default is 50.
  lockMs: 3000, // Short, so that the example is: the default is 10 s.
  sweepMs: 1000,
})
await worker.ready
process.send?.({ ready: true })
process.once('disconnect', () => process.exit())

// main.ts may have ended.
function ignored(): void {}
