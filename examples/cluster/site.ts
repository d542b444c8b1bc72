// What every process of the cluster shares: one configuration of the pipeline, one store, one queue.
import { createPostgresBackend } from 'bullmq'
import { SoraPipeline, type SoraPipelineOptions } from 'sora-pipeline'
import type { QueueOptions } from 'sora-pipeline/jobs'
import { postgresStore, redisStore } from 'sora-pipeline/stores'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

// main.ts sets them.
const { STORE_URL = '', VIDEO_API_URL = '', VIDEO_API_KEY = '', VIDEO_MIRROR = '', NAME = '' } = process.env

/** The pipeline of this process, and where its queue is. */
export async function openSite(onEvent?: SoraPipelineOptions['onEvent']) {
  const store = await openStore()
  await store.migrate()
  const pipeline = new SoraPipeline({
    generator: videosApiGenerator({
      baseUrl: VIDEO_API_URL,
      apiKey: VIDEO_API_KEY,
      headers: { 'user-agent': NAME }, // So that the upstream can count by process.
      lookup: 'list', // A submission whose answer was lost is searched for in the list of the upstream.
      settleMs: 1000, // The sandbox lists a job at once. Leave it out for a server on the internet.
    }),
    resolver: mirrorResolver({ hosts: [VIDEO_MIRROR], path: '/MP4/{videoId}.mp4' }),
    store,
    allowPrivateAddresses: ['127.0.0.1'], // The mirror of the sandbox.
    leaseMs: 3000, // Short, so that the example is: the default is 10 s.
    onEvent,
  })
  return { pipeline, queue: queueAt(STORE_URL) }
}

// Only the driver that is used is imported.
async function openStore() {
  if (STORE_URL.startsWith('redis:')) {
    const { Redis } = await import('ioredis')
    return redisStore({ client: new Redis(STORE_URL) })
  }
  const { Client, Pool } = await import('pg')
  return postgresStore({
    pool: new Pool({ connectionString: STORE_URL }),
    listenClient: () => new Client({ connectionString: STORE_URL }),
  })
}

function queueAt(url: string): QueueOptions {
  const onError = (error: unknown) => console.error(`${NAME}: ${error}`)
  if (url.startsWith('redis:')) return { connection: { url }, onError }
  const connection = { connectionString: url, schema: 'video_queue', migrate: true }
  return { connection, backend: createPostgresBackend, onError }
}
