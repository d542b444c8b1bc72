// The program of the container: any number of replicas may run at once, and each may be stopped at any time.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { SoraPipeline } from 'sora-pipeline'
import { createHandler, toNodeListener } from 'sora-pipeline/http'
import { apiKeys, options, pool, store } from './config.ts'

const { PORT = '8080', DRAIN_MS = '5000', RECOVER_EVERY_MS = '60000' } = process.env

await store.migrate()
for (const { setting, value, fix } of await store.checkServer()) console.warn(`${setting} is ${value}: ${fix}`)

const pipeline = new SoraPipeline(options)
const handler = createHandler(pipeline, { apiKeys, healthz: true, onError: console.error })
const server = createServer(toNodeListener(handler)).listen(Number(PORT))
await once(server, 'listening')
const recovered = await pipeline.recover()
console.log(`listening on port ${PORT}, recovered ${recovered.length} runs`)

// Takes over the runs of replicas that were killed, and those that an operator settled.
const timer = setInterval(() => pipeline.recover().catch(console.error), Number(RECOVER_EVERY_MS))

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => shutDown().catch(console.error))

/** Ends within DRAIN_MS and about 15 seconds: give the container more time than that. */
async function shutDown(): Promise<void> {
  clearInterval(timer)
  // For DRAIN_MS all is served as before, but /healthz is 503: the readiness probe takes the container out of the service. Then
  // streams end with the reason; jobs continue, and another replica takes the runs over.
  await pipeline.close({ drainMs: Number(DRAIN_MS), graceMs: 10_000 })
  const closed = once(server, 'close')
  server.close()
  await Promise.race([closed, wait(2000, undefined, { ref: false })]) // Until every client has the last lines.
  server.closeAllConnections()
  await pool.end()
  console.log('closed')
}
