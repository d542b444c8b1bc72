// The backend that the servers of this folder serve. SIGTERM may come at any time: the next process continues its runs.
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { englishTexts, SoraPipeline } from 'sora-pipeline'
import { createHandler } from 'sora-pipeline/http'
import { startSandbox } from 'sora-pipeline/sandbox'
import { sqliteStore } from 'sora-pipeline/stores'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

const { PORT = '8080', RUNS = './runs.db', DRAIN_MS = '0', VIDEO_API_URL, VIDEO_API_KEY, VIDEO_MIRROR } = process.env
// Without your own server, it starts one in this process: its jobs end with the process.
const sandbox = VIDEO_API_URL === undefined ? await startSandbox() : undefined
const hosts = sandbox?.mirrors ?? [VIDEO_MIRROR ?? '']

const store = sqliteStore({ path: RUNS }) // Node 22.13 or later.
const pipeline = new SoraPipeline({
  generator: videosApiGenerator(sandbox?.videosApi ?? { baseUrl: VIDEO_API_URL ?? '', apiKey: VIDEO_API_KEY }),
  resolver: mirrorResolver({ hosts, path: '/MP4/{videoId}.mp4' }),
  store,
  allowPrivateAddresses: ['127.0.0.1'], // The mirrors of the sandbox; videos on public addresses need no entry.
})

export const handler = createHandler(pipeline, { apiKeys: ['my-key'], texts: englishTexts, healthz: true })

/** Resumes the runs of the process before, prints the address, and closes everything at SIGTERM or SIGINT. */
export async function serve(server: Server): Promise<void> {
  if (!server.listening) await once(server.listen(Number(PORT), '127.0.0.1'), 'listening')
  const recovered = await pipeline.recover()
  const { port } = server.address() as AddressInfo
  console.log(`serving http://127.0.0.1:${port}/v1, recovered ${recovered.length} runs, the key is my-key`)
  // Once: a second signal ends the process at once, as in Node.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => shutDown(server))
}

async function shutDown(server: Server): Promise<void> {
  // Behind a load balancer, set DRAIN_MS: so long everything is served as before, but /healthz answers 503. Then a submission or
  // an upload in progress may finish, streams end with the reason, and jobs continue upstream.
  await pipeline.close({ drainMs: Number(DRAIN_MS), graceMs: 10_000 })
  const closed = once(server, 'close')
  server.close() // No new connections. Those with a stream stay open for its last lines.
  await Promise.race([closed, wait(2000, undefined, { ref: false })]) // Until every client has the last lines.
  server.closeAllConnections()
  await store.close()
  await sandbox?.close()
  console.log('closed')
}
