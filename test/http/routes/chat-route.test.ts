import { describe, expect, it } from 'vitest'
import type { HandlerOptions } from '../../../src/http/index.js'
import {
  AuthenticationError,
  ContentRejectedError,
  englishTexts,
  fallback,
  QuotaExceededError,
  RateLimitError,
  SubmissionUnknownError,
} from '../../../src/index.js'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import {
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../../src/testing/index.js'
import { chatBody, framesOf, handlerOf } from '../handler-call.js'

const CHAT = '/v1/chat/completions'
const stages = () => ({
  generator: fakeGenerator(),
  publisher: fakePublisher(),
  resolver: fakeResolver(),
  uploader: fakeUploader({ label: 'Google Drive' }),
})

describe('a chat completion', () => {
  it('answers with the URL, as the response format has it', async () => {
    const { json } = handlerOf({}, stages())
    const { status, body } = await json('POST', CHAT, { body: chatBody('A cat playing piano') })
    expect(status).toBe(200)
    expect(body).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'sora-1.0',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'https://drive.google.com/file/d/xxx/view' },
          finish_reason: 'stop',
        },
      ],
    })
  })

  it('streams the six chunks of the response format and nothing else', async () => {
    const { call } = handlerOf({}, stages())
    const response = await call('POST', CHAT, { body: chatBody('A cat', { stream: true }) })
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    const text = await response.text()
    expect(text).toMatch(/^(?:data: .+\n\n)+$/)
    const frames = text.split('\n\n').slice(0, -1)
    const contents = frames.slice(0, -1).map((frame) => JSON.parse(frame.slice(6)).choices[0])
    expect(contents.map(({ delta }) => delta.content)).toEqual([
      '🎬 开始生成视频...',
      '✅ 视频生成完成',
      '📤 发布视频获取Post ID...',
      '🔗 解析无水印URL...',
      '☁️ 上传到Google Drive...',
      'https://drive.google.com/file/d/xxx/view',
    ])
    expect(contents.map(({ finish_reason }) => finish_reason)).toEqual([null, null, null, null, null, 'stop'])
    expect(frames.at(-1)).toBe('data: [DONE]')
  })

  it('takes the formatting options, and the requested usage', async () => {
    const { call } = handlerOf({ progress: 'reasoning_content', content: 'markdown', texts: englishTexts }, stages())
    const body = chatBody('A cat', { stream: true, stream_options: { include_usage: true } })
    const frames = await framesOf(await call('POST', CHAT, { body }))
    const chunks = frames.slice(0, -1).map((frame) => JSON.parse(frame))
    expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant' })
    expect(chunks.at(-2).choices[0].delta.content).toBe('[video](https://drive.google.com/file/d/xxx/view)')
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 0 } })
  })

  it('has the usage that the upstream reported in the answer, as the stream has it', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7, cost: 0.25 }
    const generator = fakeGenerator({ outcome: { id: 'gen_1', url: 'https://videos.example/a.mp4', usage } })
    const { call, json } = handlerOf({}, { generator })
    const { body } = await json('POST', CHAT, { body: chatBody('A cat') })
    const streamed = chatBody('A dog', { stream: true, stream_options: { include_usage: true } })
    const frames = await framesOf(await call('POST', CHAT, { body: streamed }))
    expect(body.usage).toEqual({ ...usage, currency: 'USD' })
    expect(JSON.parse(frames.at(-2) ?? '').usage).toEqual(body.usage)
    expect(Object.keys(body)).toEqual(['id', 'object', 'created', 'model', 'choices', 'usage'])
  })

  it('hands the image, the storyboard, the style and the length to the generator', async () => {
    const generator = fakeGenerator()
    const { json } = handlerOf({}, { generator })
    const image = 'data:image/png;base64,iVBORw0KGgo='
    const content = [
      { type: 'text', text: 'Two shots {anime} [2.0s]A cat [3s]A dog' },
      { type: 'image_url', image_url: { url: image } },
    ]
    await json('POST', CHAT, { body: chatBody(content, { model: 'sora2-portrait-10s', temperature: 1 }) })
    expect(generator.calls[0]?.input).toMatchObject({
      prompt: 'Two shots',
      image,
      style: 'anime',
      storyboard: [
        { durationSeconds: 2, prompt: 'A cat' },
        { durationSeconds: 3, prompt: 'A dog' },
      ],
      durationSeconds: 10,
      size: '720x1280',
    })
    expect(generator.calls[0]?.input).not.toHaveProperty('model')
  })

  it('names fields without a meaning for a video in a header', async () => {
    const { json } = handlerOf()
    const { headers } = await json('POST', CHAT, { body: chatBody('A cat', { temperature: 1, tools: [] }) })
    expect(headers.get('x-ignored-parameters')).toBe('temperature, tools')
  })

  it('lets every mapping be replaced', async () => {
    const generator = fakeGenerator()
    const { json } = handlerOf(
      {
        readModel: (model) => ({ model: `my-${model}` }),
        readPrompt: (prompt) => ({ prompt: prompt.toUpperCase() }),
        prepare: (request, { owner, route }) => ({ ...request, user: `${owner} by ${route}` }),
      },
      { generator },
    )
    await json('POST', CHAT, { body: chatBody('a cat [1s]', { model: 'x' }) })
    expect(generator.calls[0]?.input).toEqual({ prompt: 'A CAT [1S]', model: 'my-x', user: 'everybody by chat' })
  })

  it.each(['', '  '])('refuses a prompt of %j before anything is sent', async (content) => {
    const generator = fakeGenerator()
    const { json } = handlerOf({}, { generator })
    const { status, body } = await json('POST', CHAT, { body: chatBody(content, { stream: true }) })
    expect([status, body.error.type, body.error.param]).toEqual([400, 'invalid_request_error', 'messages[0].content'])
    expect(generator.calls).toEqual([])
  })
})

describe('a refusal by the upstream', () => {
  const cases = [
    [new ContentRejectedError('Could not generate: not allowed'), 400, 'content_policy_violation'],
    [new AuthenticationError('Could not generate: 401'), 401, 'invalid_api_key'],
    [new QuotaExceededError('Could not generate: no credit'), 429, 'insufficient_quota'],
    [new RateLimitError('Could not generate: 429', { retryAfterMs: 2500 }), 429, 'rate_limit_exceeded'],
    [new SubmissionUnknownError('Could not learn: x'), 502, 'submission_unknown'],
  ] as const

  it.each(cases)('has its own status before the stream: %s', async (error, status, code) => {
    const { json } = handlerOf({}, { generator: fakeTaskGenerator({ starts: [error] }) })
    const answer = await json('POST', CHAT, { body: chatBody('A cat', { stream: true }) })
    expect([answer.status, answer.body.error.code]).toEqual([status, code])
    expect(answer.headers.get('content-type')).toBe('application/json')
    // It may have been paid.
    const id = answer.headers.get('x-run-id') ?? ''
    expect((await json('GET', `/v1/videos/${id}`)).body).toMatchObject({ id, status: 'failed' })
    if (code === 'rate_limit_exceeded') expect(answer.headers.get('retry-after')).toBe('3')
  })

  it('comes inside the stream once the job was taken', async () => {
    const verdict = { state: 'failed', error: new ContentRejectedError('Could not generate: not allowed') } as const
    const { call } = handlerOf({}, { generator: fakeTaskGenerator({ polls: [{ state: 'running' }, verdict] }) })
    const response = await call('POST', CHAT, { body: chatBody('A cat', { stream: true }) })
    expect(response.status).toBe(200)
    const frames = await framesOf(response)
    const error = JSON.parse(frames.at(-2) ?? '')
    expect(error).toMatchObject({ error: { code: 'content_policy_violation', param: null } })
    expect(error.error.run_id).toBe(response.headers.get('x-run-id'))
    expect(error).not.toHaveProperty('choices')
    // Gateways drop frames without choices.
    const [first, said] = [frames[0], frames.at(-3)].map((frame) => JSON.parse(frame ?? ''))
    expect(said).toEqual({
      ...first,
      choices: [{ index: 0, delta: { content: `\n❌ ${error.error.message}` }, finish_reason: null }],
    })
    expect(frames.at(-1)).toBe('[DONE]')
  })

  it('comes inside the stream when it takes longer than a caller should wait', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ starts: [new AuthenticationError('Could not generate: 401')], delayMs: 9000 })
    const { call } = handlerOf({ clock, acceptTimeoutMs: 2000 }, { generator, clock })
    const answer = call('POST', CHAT, { body: chatBody('A cat', { stream: true }) })
    const response = await clock.runUntil(answer)
    expect(response.status).toBe(200)
    const text = await clock.runUntil(response.text())
    expect(text).toContain('"code":"invalid_api_key"')
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })
})

describe('a stream whose run is silent', () => {
  const parts = async (options: HandlerOptions) => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: [{ state: 'queued' }, { state: 'queued' }] })
    const { call } = handlerOf({ clock, ...options }, { generator, clock, pollSchedule: () => 50_000 })
    const response = await clock.runUntil(call('POST', CHAT, { body: chatBody('A cat', { stream: true }) }))
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    const first = await reader?.read()
    let rest = ''
    const end = (async () => {
      for (let step = await reader?.read(); step?.done === false; step = await reader?.read()) rest += step.value
    })()
    await clock.runUntil(end)
    return {
      first: first?.value ?? '',
      deltas: [...rest.matchAll(/^data: (\{.+)$/gm)].map(([, json]) => json ?? ''),
      rest,
    }
  }
  const deltaOf = (json: string) => JSON.parse(json).choices[0].delta

  it.each<[string, HandlerOptions, object]>([
    ['the first step', {}, { content: '🎬 开始生成视频...' }],
    ['the role, where that is on', { progress: 'reasoning_content' }, { role: 'assistant' }],
  ])('opens at once with %s, and is kept alive by empty chunks, not by comments', async (_, options, delta) => {
    const { first, deltas, rest } = await parts(options)
    expect(deltaOf(first.slice(6))).toEqual(delta)
    const beats = deltas.filter((json) => Object.keys(deltaOf(json)).length === 0)
    expect(beats.length).toBeGreaterThanOrEqual(5)
    expect(new Set(beats.map((json) => JSON.parse(json).id))).toEqual(new Set([JSON.parse(first.slice(6)).id]))
    expect(`${first}${rest}`).not.toMatch(/^:/m)
  })

  it('can be without heartbeats', async () => {
    const { deltas } = await parts({ heartbeatMs: 0 })
    expect(deltas.filter((json) => Object.keys(deltaOf(json)).length === 0)).toEqual([])
  })
})

describe('a client that leaves', () => {
  it.each([
    ['continue', false],
    ['cancel', true],
  ] as const)('in mid-stream, with onDisconnect %s: the run is stopped: %s', async (onDisconnect, isStopped) => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: 5 })
    const { call, pipeline } = handlerOf({ onDisconnect, clock }, { generator, clock })
    const response = await clock.runUntil(call('POST', CHAT, { body: chatBody('A cat', { stream: true }) }))
    const reader = response.body?.getReader()
    await clock.runUntil(reader?.read() ?? Promise.reject(new Error('There is no body')))
    await reader?.cancel('gone')
    const id = response.headers.get('x-run-id') ?? ''
    await clock.runUntil(pipeline.resume(id).result.catch(() => undefined))
    expect((await pipeline.get(id))?.status).toBe(isStopped ? 'failed' : 'completed')
    expect(generator.cancelCount).toBe(isStopped ? 1 : 0)
  })

  it.each([
    ['continue', 'completed'],
    ['cancel', 'failed'],
  ] as const)('before the job was taken, with onDisconnect %s: the run is %s', async (onDisconnect, status) => {
    const clock = manualClock()
    const caller = new AbortController()
    const generator = fakeTaskGenerator({ delayMs: 1000 })
    const { call, pipeline } = handlerOf({ onDisconnect, clock }, { generator, clock })
    const answer = call('POST', CHAT, { body: chatBody('A cat'), signal: caller.signal })
    await clock.advance(100)
    caller.abort(new DOMException('The client went away', 'AbortError'))
    expect((await answer).status).toBe(499)
    await clock.advance(60_000)
    const [record] = await pipeline.list({ order: 'newest-first', limit: 1 })
    expect(record?.status).toBe(status)
  })

  it('leaves no reader of the run behind', async () => {
    const clock = manualClock()
    const { call, pipeline } = handlerOf({ clock }, { generator: fakeTaskGenerator({ polls: 1000 }), clock })
    const response = await clock.runUntil(
      call('POST', CHAT, { body: chatBody('A cat', { stream: true }), headers: { 'idempotency-key': 'a' } }),
    )
    const id = response.headers.get('x-run-id') ?? ''
    const run = pipeline.resume(id)
    const returned: unknown[] = []
    const read = run[Symbol.asyncIterator].bind(run)
    Object.assign(run, {
      [Symbol.asyncIterator]: () => {
        const events = read()
        return { ...events, next: () => events.next(), return: async () => returned.push(await events.return?.()) }
      },
    })
    const again = await clock.runUntil(
      call('POST', CHAT, { body: chatBody('A cat', { stream: true }), headers: { 'idempotency-key': 'a' } }),
    )
    const before = returned.length
    const reader = again.body?.getReader()
    await clock.runUntil(reader?.read() ?? Promise.reject(new Error('There is no body')))
    void reader?.read()
    await reader?.cancel()
    await clock.advance(0)
    expect(returned.length).toBe(before + 1)
    await run.cancel()
  })
})

describe('a video that is only behind a key', () => {
  const source = { isPublic: false, open: async ({ offset = 0 } = {}) => new Blob(['private'.slice(offset)]).stream() }
  const generator = () => fakeGenerator({ outcome: { id: 'gen_1', source } })

  it('is answered with a URL of this server, which needs no key', async () => {
    const { call, json } = handlerOf({ apiKeys: ['secret-key'] }, { generator: generator() })
    const { status, body } = await json('POST', CHAT, { key: 'secret-key', body: chatBody('A cat') })
    expect(status).toBe(200)
    const url = new URL(body.choices[0].message.content)
    expect(url.href).toMatch(/^http:\/\/backend\.example\/v1\/videos\/video_[0-9a-f]{32}\/content\/[\w-]+\.mp4$/)
    expect(await (await call('GET', url.pathname)).text()).toBe('private')
    const altered = url.pathname.replace(/.(\.mp4)$/, (_, end) => `_${end}`)
    expect((await call('GET', altered)).status).toBe(404)
    expect((await call('GET', url.pathname.replace(/\/content.*/, '/content'))).status).toBe(401)
  })

  it('comes in the stream as well, with the origin of the options', async () => {
    const { call } = handlerOf({ publicOrigin: 'https://video.example' }, { generator: generator() })
    const frames = await framesOf(await call('POST', CHAT, { body: chatBody('A cat', { stream: true }) }))
    const last = JSON.parse(frames.at(-2) ?? '')
    expect(last.choices[0]).toMatchObject({
      delta: { content: expect.stringMatching(/^https:\/\/video\.example\/v1/) },
      finish_reason: 'stop',
    })
  })

  it('has an address that expires', async () => {
    const clock = manualClock()
    const options = { clock, contentLifetimeMs: 60_000, contentSecret: 'a secret of the server' }
    const { call, json } = handlerOf(options, { generator: generator(), clock })
    const { body } = await clock.runUntil(json('POST', CHAT, { body: chatBody('A cat') }))
    const { pathname } = new URL(body.choices[0].message.content)
    await clock.advance(58_000)
    expect((await call('GET', pathname)).status).toBe(200)
    await clock.advance(3000)
    expect((await call('GET', pathname)).status).toBe(404)
  })
})

describe('a message with several images', () => {
  const PNG = 'data:image/png;base64,iVBORw0KGgo='
  const image = (url: string) => ({ type: 'image_url', image_url: { url } })
  const content = [{ type: 'text', text: 'A cat' }, image(PNG), image('https://images.example/2.png')]
  const messages = [{ role: 'user', content }]

  it('has them as references', async () => {
    const generator = fakeGenerator()
    const { call } = handlerOf({}, { generator })
    expect((await call('POST', CHAT, { body: { messages } })).status).toBe(200)
    expect(generator.calls[0]?.input).toMatchObject({ references: [PNG, 'https://images.example/2.png'] })
  })

  it.each([false, true])(
    'is refused in its own words by a generator without references, streamed: %s',
    async (stream) => {
      const generator = videosApiGenerator({ baseUrl: 'https://video.example/v1', dialect: 'sglang' })
      const { call } = handlerOf({}, { generator })
      const answer = await call('POST', CHAT, { body: { messages, stream } })
      const text = await answer.text()
      expect(text).toContain(
        'messages[0].content is a message with several images (give one image: several are references',
      )
      expect(text).not.toContain('references is')
    },
  )

  it.each([false, true])('is refused in its own words by each generator of a chain, streamed: %s', async (stream) => {
    const baseUrl = 'https://video.example/v1'
    const generator = fallback(
      videosApiGenerator({ name: 'one', baseUrl, dialect: 'sglang' }),
      videosApiGenerator({ name: 'two', baseUrl, dialect: 'new-api' }),
    )
    const { call } = handlerOf({}, { generator })
    const text = await (await call('POST', CHAT, { body: { messages, stream } })).text()
    expect(text).toContain('messages[0].content is a message with several images')
    expect(text).not.toContain('references is')
  })
})

describe('a message with a sound', () => {
  it('is refused in its own words by a generator without one', async () => {
    const sound = { type: 'input_audio', input_audio: { data: 'SUQzBAAAAAAAAAAAAAAAAAAA', format: 'mp3' } }
    const messages = [{ role: 'user', content: [{ type: 'text', text: 'A cat' }, sound] }]
    const generator = videosApiGenerator({ baseUrl: 'https://video.example/v1' })
    const { call } = handlerOf({}, { generator })
    const text = await (await call('POST', CHAT, { body: { messages } })).text()
    expect(text).toContain('messages[0].content is a message with a sound (leave the sound out: it is audioInput')
    expect(text).not.toContain('audioInput is')
  })
})
