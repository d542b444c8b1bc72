// A video of Replicate, which cancels the job itself if this process is gone. With REPLICATE_API_TOKEN it is Replicate's own, and costs
// money; without it the sandbox answers as Replicate.
import { SoraPipeline } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { replicateGenerator } from 'sora-pipeline/strategies'

const apiKey = process.env.REPLICATE_API_TOKEN
const sandbox = apiKey === undefined ? await startSandbox({ speed: 8 }) : undefined

const pipeline = new SoraPipeline({
  generator: replicateGenerator({
    ...(sandbox === undefined
      ? { baseUrl: 'https://api.replicate.com/v1', apiKey: apiKey ?? '' }
      : sandbox.providers.replicate),
    model: 'bytedance/seedance-1-pro',
    cancelAfterSeconds: 900,
  }),
})
const { url, durationMs } = await pipeline.generate({ prompt: 'A cat playing piano', durationSeconds: 5 })
console.log(`${url} after ${(durationMs / 1000).toFixed(1)} s, and for one hour`)

await pipeline.close()
await sandbox?.close()
