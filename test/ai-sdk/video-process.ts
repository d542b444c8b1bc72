import { writeSync } from 'node:fs'
import { experimental_generateVideo } from 'ai'
import { fallback, SoraPipeline } from 'sora-pipeline'
import { toVideoModel } from 'sora-pipeline/ai-sdk'
import { sqliteStore } from 'sora-pipeline/stores'
import { videosApiGenerator } from 'sora-pipeline/strategies'

// A process that generates one video through the AI SDK; test/ai-sdk/kill.test.ts kills it and starts it again.
const { BASE_URL = '', API_KEY = '', RUNS = '', VIDEO_KEY = '' } = process.env

const store = sqliteStore({ path: RUNS })
const pipeline = new SoraPipeline({
  generator: fallback(
    videosApiGenerator({ name: 'first', baseUrl: BASE_URL, apiKey: 'sk-expired-0123456789' }),
    videosApiGenerator({ name: 'second', baseUrl: BASE_URL, apiKey: API_KEY }),
  ),
  store,
  leaseMs: 1_000,
  pollSchedule: () => 50,
})
const { video, providerMetadata } = await experimental_generateVideo({
  model: toVideoModel(pipeline),
  prompt: 'A cat playing piano',
  headers: { 'idempotency-key': VIDEO_KEY },
  poll: { intervalMs: 50 },
})
writeSync(1, `${JSON.stringify({ byteLength: video.uint8Array.length, ...providerMetadata['sora-pipeline'] })}\n`)
await pipeline.close()
await store.close()
