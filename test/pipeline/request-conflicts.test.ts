import { describe, expect, test } from 'vitest'
import { createHandler } from '../../src/http/index.js'
import { memoryStore, SoraPipeline, type VideoRequest } from '../../src/index.js'
import { identityOf } from '../../src/pipeline/state/request-fingerprint.js'
import { taskApiGenerator, videoModelGenerator } from '../../src/strategies/index.js'
import { fakeContext, fakeGenerator } from '../../src/testing/index.js'
import { rejection } from '../upstream/stage-context.js'

const PNG = 'https://cdn.example/a.png'
const MP4 = 'https://cdn.example/a.mp4'
const CONFLICTS: readonly (readonly [string, Partial<VideoRequest>, readonly string[]])[] = [
  ['an image and a video', { image: PNG, video: MP4 }, ['video']],
  ['an image and a remix', { image: PNG, remixOf: 'v_1' }, ['remixOf']],
  ['a video and a remix', { video: MP4, remixOf: 'v_1' }, ['remixOf']],
  ['all three', { image: PNG, video: MP4, remixOf: 'v_1' }, ['video', 'remixOf']],
  ['a size of another ratio', { size: '720x1280', aspectRatio: '16:9' }, ['aspectRatio']],
]

describe.each(CONFLICTS)('a request with %s', (_, fields, refused) => {
  const request = { prompt: 'A cat', ...fields }
  const isRefused = { code: 'request-invalid', problems: refused.map((field) => expect.objectContaining({ field })) }

  test('is refused before anything is sent, with an id of the caller and without', async () => {
    const generator = fakeGenerator()
    const pipeline = new SoraPipeline({ generator })
    expect(await rejection(pipeline.run(request).result)).toMatchObject(isRefused)
    expect(await rejection(pipeline.generate(request))).toMatchObject(isRefused)
    expect(await rejection(pipeline.generate(request, { id: 'run_1' }))).toMatchObject(isRefused)
    expect(await rejection(pipeline.create(request, { id: 'run_2' }))).toMatchObject(isRefused)
    expect(await rejection(pipeline.create(request))).toMatchObject(isRefused)
    expect(generator.calls).toEqual([])
    expect((await pipeline.list()).length).toBe(0)
  })

  test('is refused when an ended run is retried with it', async () => {
    const pipeline = new SoraPipeline({ generator: fakeGenerator() })
    await pipeline.generate({ prompt: 'A cat' }, { id: 'run_1' })
    expect(await rejection((await pipeline.retry('run_1', fields)).result)).toMatchObject(isRefused)
    expect((await pipeline.list()).length).toBe(1)
  })

  test('joins the run that it started in an earlier version', async () => {
    const store = memoryStore()
    const pipeline = new SoraPipeline({ generator: fakeGenerator(), store })
    await pipeline.create({ prompt: 'A cat' }, { id: 'run_1' })
    const saved = await store.load('run_1')
    if (saved === undefined) throw new Error('run_1')
    const { fingerprint } = identityOf(request, undefined)
    await store.save('run_1', saved.version, { ...saved.state, request: request as never, fingerprint })
    expect(await pipeline.generate(request, { id: 'run_1' })).toMatchObject({ runId: 'run_1' })
  })
})

test('a size that a codec rounded has the ratio', async () => {
  const fitting = [
    ['832x480', '16:9'],
    ['854x480', '16:9'],
    ['1920x1088', '16:9'],
    ['480x832', '9:16'],
    ['1024x1024', '1:1'],
  ] as const
  for (const [size, aspectRatio] of fitting) {
    const pipeline = new SoraPipeline({ generator: fakeGenerator() })
    expect(await pipeline.generate({ prompt: 'A cat', size, aspectRatio })).toBeDefined()
  }
  const pipeline = new SoraPipeline({ generator: fakeGenerator() })
  const request = { prompt: 'A cat', size: '1280x720', aspectRatio: '4:3' }
  expect(await rejection(pipeline.generate(request))).toMatchObject({
    message: expect.stringContaining(
      'aspectRatio is "4:3" (leave it out, or give a size of this ratio instead of 1280x720)',
    ),
  })
})

test('a generator that is called directly refuses a size of another ratio, unless providerOptions has one of them', async () => {
  let sent = 0
  const fetch = async () => {
    sent++
    return Response.json({ id: 't1' })
  }
  const task = taskApiGenerator({
    ...{ name: 'my-api', baseUrl: 'https://api.example', apiKey: 'key-1234567890', fetch },
    create: ({ prompt, size, aspectRatio }) => ({ path: '/t', body: { prompt, size, aspectRatio } }),
    poll: { path: ({ id }) => `/t/${id}` },
  })
  const model = videoModelGenerator({
    ...{ specificationVersion: 'v4', provider: 'mock', modelId: 'm' },
    doStart: async () => {
      sent++
      return { operation: 'job_1' }
    },
    doStatus: async () => ({ status: 'pending' }),
  })
  const request = { prompt: 'A cat', size: '720x1280', aspectRatio: '16:9' }
  for (const generator of [task, model]) {
    if (!('start' in generator)) throw new Error('no task')
    const error = await rejection(Promise.resolve(generator.start(request, fakeContext())))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field: 'aspectRatio' }] })
  }
  expect(sent).toBe(0)
  await task.start({ ...request, providerOptions: { size: 'large' } }, fakeContext())
  expect(sent).toBe(1)
})

test('the backend answers 400 for a chat with an image and a video', async () => {
  const generator = fakeGenerator()
  const handler = createHandler(new SoraPipeline({ generator }), { apiKeys: ['k1234567890'] })
  const content = [
    { type: 'text', text: 'A cat' },
    { type: 'image_url', image_url: { url: PNG } },
    { type: 'video_url', video_url: { url: MP4 } },
  ]
  for (const stream of [false, true]) {
    const answer = await handler(
      new Request('http://localhost/v1/chat/completions', {
        method: 'POST',
        headers: { authorization: 'Bearer k1234567890', 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'sora', stream, messages: [{ role: 'user', content }] }),
      }),
    )
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { type: 'invalid_request_error', param: 'video' } })
  }
  expect(generator.calls).toEqual([])
})
