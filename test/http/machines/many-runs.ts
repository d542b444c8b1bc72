// A process of the built package, on a store that others share. As a `worker` it works on many runs, prints when each has its job,
// and ends them when it reads a line; as a `door` it serves runs of the worker, and prints its port. It ends with its input.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { SoraPipeline } from 'sora-pipeline'
import { createHandler, toNodeListener } from 'sora-pipeline/http'
import { openServerStore, type ServerKind } from '../../stores/servers/open-server-store.ts'
import { heldJobs } from './held-jobs.ts'

/** What a process is started with. */
export interface ManyRunsTask {
  readonly kind: ServerKind
  readonly place: string
  /** Number of runs of the worker; absent for a door. */
  readonly runs?: number
}

const { kind, place, runs } = JSON.parse(String(process.argv[2])) as ManyRunsTask
const { store, close } = await openServerStore(kind, place)
const generator = heldJobs()
const pipeline = new SoraPipeline({ generator, store, pollSchedule: () => 2000 })
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

if (runs === undefined) {
  const server = createServer(toNodeListener(createHandler(pipeline, { authenticate: () => 'owner' })))
  server.listen(0, '127.0.0.1', 4096)
  await once(server, 'listening')
  console.log(JSON.stringify((server.address() as AddressInfo).port))
  while (!(await lines.next()).done);
  server.closeAllConnections()
  server.close()
} else {
  const started = []
  for (let index = 0; index < runs; index += 1) {
    const run = pipeline.run({ prompt: `Video ${index}` }, { id: `video_${index}`, owner: 'owner' })
    started.push(run)
    // Spread over the interval of the polls.
    if (index % 50 === 49) await new Promise((resolve) => setTimeout(resolve, (2000 * 50) / runs))
  }
  console.log(JSON.stringify('started'))
  await lines.next()
  generator.finish()
  await Promise.all(started.map(({ result }) => result))
  console.log(JSON.stringify('finished'))
  while (!(await lines.next()).done);
}
await pipeline.close({ graceMs: 0 })
await close()
