// Its own process, so that nothing but the server counts: a backend of the built package whose videos are done when the test
// says so. Prints its port, and answers each line on standard input with its RSS after collection: `hold` keeps videos from being
// done, `finish` ends them all.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { SoraPipeline } from 'sora-pipeline'
import { createHandler, toNodeListener } from 'sora-pipeline/http'

let isFinished = true
let polls = 0
let jobs = 0
const pipeline = new SoraPipeline({
  generator: {
    name: 'held',
    start: async () => {
      jobs += 1
      return { operation: { id: `job_${jobs}` } }
    },
    poll: async () => {
      polls += 1
      if (isFinished) return { state: 'completed' as const, video: { id: 'v', url: 'https://cdn.example/a.mp4' } }
      // Moves with every poll, so that every stream has something to say.
      return { state: 'running' as const, ratio: Math.min(0.99, polls / 1e6), phase: `step ${polls}` }
    },
  },
  // A thousand polls a second are many for a thousand jobs: the default polls every few seconds.
  pollSchedule: () => 2000,
})
const server = createServer(toNodeListener(createHandler(pipeline, { public: true, progress: 'reasoning_content' })))
server.listen(0, '127.0.0.1', 4096)
await once(server, 'listening')
console.log((server.address() as AddressInfo).port)

for await (const line of createInterface({ input: process.stdin })) {
  isFinished = line === 'finish' || (isFinished && line !== 'hold')
  globalThis.gc?.()
  console.log(process.memoryUsage.rss())
}
server.closeAllConnections()
server.close()
