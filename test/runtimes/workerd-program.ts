// What runs on workerd: a worker that generates, streams and takes forms, and a Durable Object with a whole backend.
import { SoraPipeline, toChatCompletionChunks, toSse } from 'sora-pipeline'
import { createHandler } from 'sora-pipeline/http'
import * as settings from 'sora-pipeline/settings'
import * as stores from 'sora-pipeline/stores'
import * as strategies from 'sora-pipeline/strategies'
import * as testing from 'sora-pipeline/testing'

interface Env {
  readonly SANDBOX: string
  readonly BACKEND: {
    idFromName(name: string): unknown
    get(id: unknown): { fetch(request: Request): Promise<Response> }
  }
}

const request = { prompt: 'A cat', durationSeconds: 1, size: '64x64' } as const

function pipelineOf({ SANDBOX }: Env): SoraPipeline {
  const { videosApi, mirrors } = JSON.parse(SANDBOX)
  return new SoraPipeline({
    generator: strategies.videosApiGenerator(videosApi),
    resolver: strategies.mirrorResolver({ hosts: mirrors, path: '/MP4/{videoId}.mp4' }),
    allowPrivateAddresses: ['127.0.0.1'],
    pollSchedule: () => 100,
  })
}

export class Backend {
  readonly fetch: (request: Request) => Promise<Response>

  constructor(_: unknown, env: Env) {
    this.fetch = createHandler(pipelineOf(env), { apiKeys: ['my-key'] })
  }
}

export default {
  async fetch(incoming: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(incoming.url)
    const pipeline = pipelineOf(env)
    if (pathname === '/imports') return Response.json([settings, stores, strategies, testing].map(Object.keys))
    if (pathname === '/generate') return Response.json(await pipeline.generate(request))
    if (pathname === '/stream') return new Response(toSse(toChatCompletionChunks(pipeline.run(request))))
    if (pathname === '/private') {
      const video = strategies.remoteVideo('http://localhost/a.mp4')
      return video.open({ signal: incoming.signal }).then(
        () => new Response('opened'),
        (error: Error) => new Response(error.message),
      )
    }
    return env.BACKEND.get(env.BACKEND.idFromName('backend')).fetch(incoming)
  },
}
