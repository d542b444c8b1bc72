// A video of fal. With FAL_KEY it is fal's own, and costs money; without it the sandbox answers as fal.
import { SoraPipeline } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { falGenerator } from 'sora-pipeline/strategies'

const apiKey = process.env.FAL_KEY
const sandbox = apiKey === undefined ? await startSandbox({ speed: 8 }) : undefined

const pipeline = new SoraPipeline({
  generator: falGenerator({
    ...(sandbox === undefined ? { baseUrl: 'https://queue.fal.run', apiKey: apiKey ?? '' } : sandbox.providers.fal),
    model: 'fal-ai/veo3.1/fast',
    // The models of fal name their fields differently: this one takes seconds as `4s`.
    input: ({ prompt, durationSeconds = 4, aspectRatio, image, seed, audio }) => ({
      prompt,
      duration: sandbox === undefined ? `${durationSeconds}s` : String(durationSeconds),
      aspect_ratio: aspectRatio,
      image_url: image,
      seed,
      generate_audio: audio,
    }),
  }),
})
const { url, durationMs } = await pipeline.generate({ prompt: 'A cat playing piano', durationSeconds: 4 })
console.log(`${url} after ${(durationMs / 1000).toFixed(1)} s`)

await pipeline.close()
await sandbox?.close()
