import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/contracts/json.js'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import { loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { readAll, stageContext } from '../../upstream/stage-context.js'

const VIDEO = videoBytes(3_000)
const URL_A = 'https://cdn.example/a.mp4'

interface Family {
  readonly server: string
  readonly encoding?: 'json' | 'multipart'
  readonly createStatus?: number
  readonly create: JsonObject
  readonly polls?: readonly JsonObject[]
  readonly states: readonly string[]
  /** Public address, or none when the bytes are behind the key. */
  readonly url?: string
  readonly facts?: JsonObject
  readonly failure?: JsonObject
}

// One entry for each way in which a server of the family differs from the retired API.
const FAMILIES: readonly Family[] = [
  {
    server: 'OpenAI (retired)',
    create: {
      id: 'video_1',
      object: 'video',
      model: 'sora-2',
      status: 'queued',
      progress: 0,
      seconds: '4',
      size: '720x1280',
    },
    polls: [
      { id: 'video_1', object: 'video', status: 'in_progress', progress: 33, seconds: '4', size: '720x1280' },
      { id: 'video_1', object: 'video', status: 'completed', progress: 100, error: null, expires_at: 1_800_000_000 },
    ],
    states: ['queued', 'running 0.33', 'completed'],
    facts: { expiresAt: 1_800_000_000_000 },
  },
  {
    server: 'vLLM-Omni',
    encoding: 'multipart',
    create: { id: 'video_gen_1f', object: 'video', status: 'queued', progress: 0, model: 'wan', seconds: '5' },
    polls: [
      {
        id: 'video_gen_1f',
        object: 'video',
        status: 'completed',
        progress: 100,
        inference_time_s: 9.1,
        file_name: 'a.mp4',
      },
    ],
    states: ['queued', 'completed'],
  },
  {
    server: 'SGLang',
    create: {
      id: 'a1',
      object: 'video',
      status: 'queued',
      progress: 0,
      seconds: 4,
      quality: 'standard',
      file_path: '/tmp/a.mp4',
    },
    polls: [{ id: 'a1', object: 'video', status: 'completed', progress: 100, url: URL_A, seconds: 4 }],
    states: ['queued', 'completed'],
    url: URL_A,
    facts: { durationSeconds: 4 },
  },
  {
    server: 'OpenRouter',
    encoding: 'json',
    createStatus: 202,
    create: { id: 'gen-1', polling_url: '{origin}/v1/videos/gen-1', status: 'pending' },
    polls: [
      { id: 'gen-1', status: 'in_progress' },
      {
        id: 'gen-1',
        status: 'completed',
        unsigned_urls: ['{origin}/v1/videos/gen-1/content?index=0'],
        usage: { cost: 0.4 },
      },
    ],
    states: ['queued', 'running', 'completed'],
    facts: { usage: { cost: 0.4 } },
  },
  {
    server: 'new-api',
    create: { id: 'task_1', task_id: 'task_1', object: 'video', status: 'unknown', created_at: 1_764_347_090_922 },
    polls: [
      { id: 'task_1', object: 'video', status: 'in_progress', progress: '45%' },
      { id: 'task_1', object: 'video', status: 'completed', progress: 100, metadata: { url: URL_A } },
    ],
    states: ['running', 'running 0.45', 'completed'],
    url: URL_A,
  },
  {
    server: 'LiteLLM',
    create: { id: 'video_bGl0ZWxsbTpjdXN0b20=', object: 'video', status: 'processing', progress: null, usage: null },
    polls: [{ id: 'video_bGl0ZWxsbTpjdXN0b20=', object: 'video', status: 'completed', usage: { duration_seconds: 8 } }],
    states: ['running', 'completed'],
    facts: { usage: { duration_seconds: 8 } },
  },
  {
    server: 'LiteLLM, done with an error',
    create: { id: 'v', object: 'video', status: 'processing' },
    polls: [{ id: 'v', object: 'video', status: 'completed', error: { code: 'internal', message: 'No credits' } }],
    states: ['running', 'failed'],
    failure: { code: 'generation-failed', upstreamCode: 'internal' },
  },
  {
    server: 'NVIDIA Dynamo',
    create: {
      id: 'd1',
      object: 'video',
      status: 'completed',
      progress: 100,
      data: [{ b64_json: VIDEO.toString('base64'), output_format: 'mp4' }],
    },
    states: ['completed'],
  },
  {
    server: 'AISIX',
    create: { id: 'ZW50cnk6YWxpYXM6dGFzaw', object: 'video', status: 'queued', seconds: 5, created_at: 0 },
    polls: [{ id: 'ZW50cnk6YWxpYXM6dGFzaw', object: 'video', status: 'completed', progress: 100, created_at: 0 }],
    states: ['queued', 'completed'],
  },
  {
    server: 'TensorRT-LLM',
    create: { id: 't1', object: 'video', status: 'queued', progress: null },
    polls: [
      { id: 't1', object: 'video', status: 'postprocessing', progress: null },
      { id: 't1', object: 'video', status: 'failed', error: 'CUDA out of memory' },
    ],
    states: ['queued', 'running', 'failed'],
    failure: { code: 'generation-failed', message: expect.stringContaining('CUDA out of memory') },
  },
  {
    server: 'xAI-like',
    create: { request_id: 'r-1' },
    polls: [
      { status: 'pending', progress: 12.5 },
      { status: 'done', video: { url: URL_A, duration: 6, respect_moderation: true } },
    ],
    states: ['running', 'queued 0.125', 'completed'],
    url: URL_A,
  },
  {
    server: 'xAI-like, withheld',
    create: { request_id: 'r-1' },
    polls: [{ status: 'done', video: { respect_moderation: false } }],
    states: ['running', 'failed'],
    failure: { code: 'content-rejected' },
  },
  {
    server: 'Together-like',
    create: { id: 'tg-1', status: 'queued', model: 'm' },
    polls: [{ id: 'tg-1', status: 'completed', outputs: { video_url: URL_A, cost: 1 }, width: 1280, height: '720' }],
    states: ['queued', 'completed'],
    url: URL_A,
    facts: { width: 1280, height: 720 },
  },
  {
    server: 'a server that gives the video at once and no id',
    create: { created: 1, data: [{ url: URL_A }] },
    states: ['completed'],
    url: URL_A,
    facts: { id: 'sora_0123456789abcdef' },
  },
  {
    server: 'a gateway whose job expired',
    create: { id: 'o1', status: 'queued' },
    polls: [{ id: 'o1', status: 'expired' }],
    states: ['queued', 'failed'],
    failure: { code: 'generation-failed', upstreamCode: 'expired' },
  },
]

describe.each(FAMILIES)('$server', (family) => {
  test('from the submission to the video', async () => {
    const polls = [...(family.polls ?? [])]
    const server = await loopbackServer((request, response) => {
      const type = String(request.headers['content-type'])
      if (request.method === 'POST' && family.encoding === 'json' && !type.startsWith('application/json')) {
        return response
          .writeHead(400, { 'content-type': 'application/json' })
          .end('{"error":{"message":"Invalid JSON body"}}')
      }
      if (request.method === 'POST' && family.encoding === 'multipart' && !type.startsWith('multipart/')) {
        const detail = [{ type: 'missing', loc: ['body', 'prompt'], msg: 'Field required', input: null }]
        return response.writeHead(422, { 'content-type': 'application/json' }).end(JSON.stringify({ detail }))
      }
      if (request.url.includes('/content')) {
        const isKnown = request.headers.authorization === 'Bearer the-key'
        return response.writeHead(isKnown ? 200 : 401, { 'content-type': 'video/mp4' }).end(isKnown ? VIDEO : '')
      }
      const answer = request.method === 'POST' ? family.create : polls.length > 1 ? polls.shift() : polls[0]
      const status = request.method === 'POST' ? (family.createStatus ?? 200) : 200
      response.writeHead(status, { 'content-type': 'application/json' })
      return response.end(JSON.stringify(answer).replaceAll('{origin}', server.origin))
    })
    const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, apiKey: 'the-key', model: 'm' })
    const context = stageContext()
    const { operation, status } = await generator.start({ prompt: 'A cat' }, context)
    let last = status ?? (await generator.poll(operation, context))
    const states = [last]
    while (last.state === 'queued' || last.state === 'running') {
      last = await generator.poll(operation, context)
      states.push(last)
    }
    const shown = states.map((state) => `${state.state} ${('ratio' in state && state.ratio) || ''}`.trim())
    expect(shown).toEqual(family.states)
    expect(JSON.parse(JSON.stringify(operation))).toEqual(operation)
    if (last.state === 'failed') {
      expect(last.error).toMatchObject(family.failure ?? {})
      return
    }
    expect(last.state === 'completed' && last.video).toMatchObject(family.facts ?? {})
    if (last.state !== 'completed') return
    expect(last.video.url).toBe(family.url)
    expect(last.video.source?.isPublic).toBe(family.url !== undefined)
    if (family.url !== undefined || last.video.source === undefined) return
    expect((await readAll(await last.video.source.open())).equals(VIDEO)).toBe(true)
  })
})
