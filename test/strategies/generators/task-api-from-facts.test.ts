import { describe, expect, test } from 'vitest'
import { taskApiGenerator } from '../../../src/strategies/index.js'
import { generatorConformance } from '../../../src/testing/index.js'
import { type LoopbackServer, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { instantClock } from '../../upstream/stage-context.js'

// Two providers without a generator of their own, from a description of their API alone.

const KEY = 'canary-key-1-5d2e8b'
const VIDEO = videoBytes(20_000)

const luma = (origin: string) =>
  taskApiGenerator({
    name: 'luma',
    baseUrl: `${origin}/dream-machine/v1`,
    apiKey: KEY,
    allowPrivateAddresses: ['127.0.0.1'],
    model: 'ray-2',
    create: ({ prompt, model, durationSeconds, aspectRatio, image }) => ({
      path: '/generations/video',
      body: {
        prompt,
        model,
        duration: durationSeconds === undefined ? undefined : `${durationSeconds}s`,
        aspect_ratio: aspectRatio,
        keyframes: image === undefined ? undefined : { frame0: { type: 'image', url: image } },
      },
    }),
    poll: { path: ({ id }) => `/generations/${encodeURIComponent(id)}` },
    cancel: { method: 'DELETE', path: ({ id }) => `/generations/${encodeURIComponent(id)}` },
  })

const kling = (origin: string) =>
  taskApiGenerator({
    name: 'kling',
    baseUrl: `${origin}/v1/videos`,
    apiKey: () => KEY, // A token that is signed for each request.
    allowPrivateAddresses: ['127.0.0.1'],
    model: 'kling-v3',
    create: ({ prompt, model, durationSeconds, aspectRatio }, { idempotencyKey }) => ({
      path: '/text2video',
      body: {
        prompt,
        model_name: model,
        duration: durationSeconds === undefined ? undefined : String(durationSeconds),
        aspect_ratio: aspectRatio,
        external_task_id: idempotencyKey,
      },
    }),
    poll: { path: ({ id }) => `/text2video/${encodeURIComponent(id)}` },
  })

/** Jobs that are done at their third poll. */
function serving(
  base: string,
  start: (id: string) => object,
  poll: (id: string, count: number, url: string) => object,
) {
  const polls = new Map<string, number>()
  return loopbackServer((sent, response) => {
    if (sent.url === '/cdn/a.mp4') {
      const offset = Number(/\d+/.exec(sent.headers.range ?? '0')?.[0])
      const range = { 'content-range': `bytes ${offset}-${VIDEO.length - 1}/${VIDEO.length}` }
      return response
        .writeHead(offset > 0 ? 206 : 200, { 'content-type': 'video/mp4', ...(offset > 0 && range) })
        .end(VIDEO.subarray(offset))
    }
    if (sent.headers.authorization !== `Bearer ${KEY}` || !sent.url.startsWith(base))
      return response.writeHead(401).end()
    if (sent.method === 'POST') {
      const id = `job-${polls.size + 1}`
      polls.set(id, 0)
      return response.writeHead(201).end(JSON.stringify(start(id)))
    }
    if (sent.method === 'DELETE') return response.writeHead(204).end()
    const id = sent.url.split('/').at(-1) ?? ''
    polls.set(id, (polls.get(id) ?? 0) + 1)
    return response.end(JSON.stringify(poll(id, polls.get(id) ?? 0, `http://${sent.headers.host}/cdn/a.mp4`)))
  })
}

const lumaServer = () =>
  serving(
    '/dream-machine/v1/generations',
    (id) => ({ id, state: 'queued', failure_reason: null, assets: null }),
    (id, count, video) => {
      const assets = count > 2 ? { video, image: 'https://cdn.example/a.jpg', progress_video: null } : null
      return {
        id,
        state: count > 2 ? 'completed' : 'dreaming',
        failure_reason: null,
        assets,
        request: { prompt: 'A cat' },
      }
    },
  )
const klingServer = () => {
  const answer = (data: object) => ({ code: 0, message: 'SUCCEED', request_id: 'r1', data })
  return serving(
    '/v1/videos/text2video',
    (task_id) => answer({ task_id, task_status: 'submitted' }),
    (task_id, count, url) => {
      const task_result = { videos: [{ id: 'f1', url, duration: '5' }] }
      return answer({ task_id, task_status: count > 2 ? 'succeed' : 'processing', ...(count > 2 && { task_result }) })
    },
  )
}

describe.each([
  ['luma', luma, lumaServer],
  ['kling', kling, klingServer],
] as const)('%s, with taskApiGenerator', (_, make, serve) => {
  const subject = (server: LoopbackServer) => ({
    generator: make(server.origin),
    secrets: [KEY],
    requests: () => server.seen.length,
    clock: instantClock(),
  })
  generatorConformance({
    test,
    create: async () => subject(await serve()),
    createHanging: async () => subject(await loopbackServer(() => undefined)),
    createFailing: async () =>
      subject(await loopbackServer((sent, response) => response.writeHead(503).end(sent.headers.authorization))),
  })

  test('takes at most 25 lines', () => {
    expect(make.toString().split('\n').length).toBeLessThanOrEqual(25)
  })
})
