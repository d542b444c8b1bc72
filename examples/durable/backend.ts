// A backend whose runs survive it: kill it at any time and start it again.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { englishTexts, SoraPipeline } from 'sora-pipeline'
import { createHandler, toNodeListener } from 'sora-pipeline/http'
import { sqliteStore } from 'sora-pipeline/stores'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

// upstream.ts prints the first three as one line.
const { VIDEO_API_URL = '', VIDEO_API_KEY = '', VIDEO_MIRROR = '' } = process.env
const { PORT = '8080', RUNS = './runs.sqlite' } = process.env

const store = sqliteStore({ path: RUNS }) // Node 22.13 or later.
const pipeline = new SoraPipeline({
  generator: videosApiGenerator({
    baseUrl: VIDEO_API_URL,
    apiKey: VIDEO_API_KEY,
    idempotency: 'key', // The sandbox honours keys. Set it only for a server that documents it.
  }),
  resolver: mirrorResolver({ hosts: [VIDEO_MIRROR], path: '/MP4/{videoId}.mp4' }),
  store,
  allowPrivateAddresses: ['127.0.0.1'], // The mirror of the sandbox; videos at public addresses need no entry.
})

for (const run of await pipeline.recover()) {
  console.log(`recovered ${run.id}`)
  run.result.then(
    ({ url }) => console.log(`finished ${run.id}: ${url}`),
    ({ message }) => console.log(`failed ${run.id}: ${message}`),
  )
}

const server = createServer(toNodeListener(createHandler(pipeline, { apiKeys: ['my-key'], texts: englishTexts })))
server.listen(Number(PORT), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(`process ${process.pid} serves http://127.0.0.1:${port}/v1, the key is my-key`)
})

process.once('SIGTERM', async () => {
  server.close()
  await pipeline.close() // Nothing is cancelled upstream: the next process continues.
  await store.close()
  process.exit()
})
