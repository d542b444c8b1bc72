import { describe, expect, test } from 'vitest'
import { taskApiGenerator } from '../../../src/strategies/index.js'
import { fakeContext, generatorConformance } from '../../../src/testing/index.js'
import { type LoopbackServer, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { instantClock } from '../../upstream/stage-context.js'

// Providers without a generator of their own, from a description of their API alone.

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

const xai = (origin: string) =>
  taskApiGenerator({
    name: 'xai',
    baseUrl: `${origin}/v1`,
    apiKey: KEY,
    allowPrivateAddresses: ['127.0.0.1'],
    model: 'grok-imagine-video',
    create: ({ prompt, model, durationSeconds, aspectRatio, image }) => ({
      path: '/videos/generations',
      body: { model, prompt, duration: durationSeconds, aspect_ratio: aspectRatio, image: image && { url: image } },
    }),
    read: ({ at }) => (at('video.respect_moderation') === false ? { status: 'moderated' } : {}),
    poll: { path: ({ id }) => `/videos/${encodeURIComponent(id)}` },
  })

// The first API of MiniMax names a file at the end, and the file its address.
const hailuo = (origin: string) =>
  taskApiGenerator({
    name: 'hailuo',
    baseUrl: `${origin}/v1`,
    apiKey: KEY,
    allowPrivateAddresses: ['127.0.0.1'],
    model: 'MiniMax-Hailuo-02',
    create: ({ prompt, model, durationSeconds, image }) => ({
      path: '/video_generation',
      body: { model, prompt, duration: durationSeconds, first_frame_image: image },
    }),
    poll: { path: ({ id }) => `/query/video_generation?task_id=${encodeURIComponent(id)}` },
    read({ phase, text }) {
      const file = phase === 'poll' ? text('file_id') : undefined
      return file ? { resultUrl: `/v1/files/retrieve?file_id=${file}` } : {}
    },
  })

/** Jobs that are done at their third poll. */
function serving(
  base: string,
  start: (id: string) => object,
  poll: (id: string, count: number, url: string) => object | undefined,
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
    const id = /[^/=]*$/.exec(sent.url)?.[0] ?? ''
    polls.set(id, (polls.get(id) ?? 0) + 1)
    const answer = poll(id, polls.get(id) ?? 0, `http://${sent.headers.host}/cdn/a.mp4`)
    return answer === undefined ? response.writeHead(202).end() : response.end(JSON.stringify(answer))
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

const xaiServer = () =>
  serving(
    '/v1/videos',
    (request_id) => ({ request_id }),
    (_id, count, url) => {
      if (count < 3) return undefined
      const video = { url, duration: 6, respect_moderation: true }
      return { status: 'done', progress: 100, video, usage: { cost_in_usd_ticks: 5_000_000_000 } }
    },
  )

const hailuoServer = () => {
  const base_resp = { status_code: 0, status_msg: 'success' }
  return serving(
    '/v1/',
    (task_id) => ({ task_id, base_resp }),
    (id, count, download_url) => {
      if (id === 'f1') return { file: { file_id: id, bytes: VIDEO.length, download_url }, base_resp }
      const isDone = count > 2
      return { task_id: id, status: isDone ? 'Success' : 'Processing', file_id: isDone ? 'f1' : '', base_resp }
    },
  )
}

describe.each([
  ['luma', luma, lumaServer],
  ['kling', kling, klingServer],
  ['xai', xai, xaiServer],
  ['hailuo', hailuo, hailuoServer],
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

test('a video of xAI that breaks its rules is a verdict', async () => {
  const video = { url: 'https://cdn.example/a.mp4', respect_moderation: false }
  const server = await loopbackServer((_, response) => response.end(JSON.stringify({ status: 'done', video })))
  const status = await xai(server.origin).poll({ id: 'r1' }, fakeContext())
  expect(status).toMatchObject({ state: 'failed', error: { code: 'content-rejected' } })
})

test.each([
  ['https://evil.example/f1', /evil/],
  ['/v1/files/retrieve?file_id=f1', /^$/],
])('a result at %s is read on the own origin alone', async (resultUrl, absent) => {
  const file = { file: { download_url: 'https://cdn.example/a.mp4' } }
  const server = await loopbackServer((sent, response) =>
    response.end(JSON.stringify(sent.url.startsWith('/v1/files') ? file : { id: 't1', status: 'done' })),
  )
  const generator = taskApiGenerator({
    name: 'mine',
    baseUrl: server.origin,
    create: () => ({ path: '/tasks' }),
    poll: { path: ({ id }) => `/tasks/${id}` },
    read: ({ phase }) => (phase === 'poll' ? { resultUrl } : {}),
  })
  const status = await generator.poll({ id: 't1' }, fakeContext())
  expect(status.state).toBe(resultUrl.startsWith('/') ? 'completed' : 'running')
  expect(server.seen.filter(({ url }) => absent.test(url))).toEqual([])
})

test.each([
  [202, '', { state: 'running', pollAfterMs: 7_000 }],
  [200, '', undefined],
  [204, '', undefined],
])('a poll that is answered with %i and %j is %j', async (code, text, expected) => {
  const server = await loopbackServer((_, response) => response.writeHead(code, { 'retry-after': '7' }).end(text))
  const status = await xai(server.origin)
    .poll({ id: 'r1' }, fakeContext())
    .catch(() => undefined)
  expect(status).toEqual(expected)
})
