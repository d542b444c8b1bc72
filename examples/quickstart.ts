// A prompt in, a URL out. The sandbox replaces a server of the /v1/videos family; put your own base URL and key
// there.
import { SoraPipeline } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

const sandbox = await startSandbox({ speed: 4 })
const pipeline = new SoraPipeline({
  generator: videosApiGenerator(sandbox.videosApi),
  resolver: mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4' }),
})
const { url, durationMs } = await pipeline.generate({ prompt: 'A cat playing piano' })
console.log(`${url} after ${(durationMs / 1000).toFixed(1)} s`)
await sandbox.close()
