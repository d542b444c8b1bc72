// A pipeline as a video model of the AI SDK, and a video model as a generator: npm install ai @ai-sdk/fal. With FAL_KEY the video is of
// fal, and costs money; without it the sandbox makes it, after a model that is busy.
import { experimental_generateVideo } from 'ai'
import { fallback, SoraPipeline } from 'sora-pipeline'
import { toVideoModel } from 'sora-pipeline/ai-sdk'
import { startSandbox } from 'sora-pipeline/sandbox'
import { type VideoModelLike, videoModelGenerator, videosApiGenerator } from 'sora-pipeline/strategies'

const apiKey = process.env.FAL_KEY
const sandbox = apiKey === undefined ? await startSandbox({ speed: 4 }) : undefined

// A stand-in for a model whose server is busy.
const busyModel: VideoModelLike = {
  specificationVersion: 'v4',
  provider: 'busy.video',
  modelId: 'model-1',
  doStart: async () => {
    throw Object.assign(new Error('Come back later'), { statusCode: 503 })
  },
  doStatus: async () => ({ status: 'pending' }),
}

async function falModel(key: string): Promise<VideoModelLike> {
  const { createFal } = await import('@ai-sdk/fal')
  return createFal({ apiKey: key }).video('veo3.1/fast')
}

const pipeline = new SoraPipeline({
  generator:
    sandbox === undefined
      ? videoModelGenerator(await falModel(apiKey ?? ''))
      : fallback(videoModelGenerator(busyModel), videosApiGenerator(sandbox.videosApi)),
  ...(sandbox !== undefined && { pollSchedule: () => 200 }),
})
const { video, providerMetadata } = await experimental_generateVideo({
  model: toVideoModel(pipeline),
  prompt: 'A cat playing piano',
  headers: { 'idempotency-key': 'order-42' }, // The same call again, also after a crash, continues this run.
  poll: { intervalMs: 200, timeoutMs: 15 * 60_000 },
})
console.log(`${video.mediaType} of ${video.uint8Array.length} bytes`)
const { runId, attempts } = providerMetadata['sora-pipeline'] as { runId: string; attempts: { strategy: string }[] }
console.log(`${runId}: ${attempts.map(({ strategy }) => strategy).join(', then ')}`)
await pipeline.close()
await sandbox?.close()
