// The pipeline that the servers of this folder serve as an OpenAI-compatible backend, on the sandbox.
import { SoraPipeline } from 'sora-pipeline'
import { createHandler } from 'sora-pipeline/http'
import { startSandbox } from 'sora-pipeline/sandbox'
import { mirrorResolver, videosApiGenerator } from 'sora-pipeline/strategies'

export const sandbox = await startSandbox({ speed: 4 })

const pipeline = new SoraPipeline({
  generator: videosApiGenerator(sandbox.videosApi), // Put the base URL and key of your own server here.
  resolver: mirrorResolver({ hosts: sandbox.mirrors, path: '/MP4/{videoId}.mp4' }),
  allowPrivateAddresses: ['127.0.0.1'], // The mirrors of the sandbox; videos on public addresses need no entry.
})

export const handler = createHandler(pipeline, { apiKeys: ['my-key'] })
