import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import { createHandler, type FormFile, type HandlerOptions, toNodeListener } from '../../../src/http/index.js'
import { memoryStore, SoraPipeline, UpstreamHttpError } from '../../../src/index.js'
import {
  fakeGenerator,
  fakeResolver,
  fakeTaskGenerator,
  fakeUploader,
  manualClock,
} from '../../../src/testing/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { handlerOf } from '../handler-call.js'
import { serve } from '../node/serve.js'

const VIDEOS = '/v1/videos'
const FIELDS = [
  'completed_at',
  'created_at',
  'error',
  'expires_at',
  'id',
  'model',
  'object',
  'progress',
  'prompt',
  'remixed_from_video_id',
  'seconds',
  'size',
  'status',
]

describe('a video', () => {
  it('has all 13 fields from the beginning, and its URL at the end', async () => {
    const clock = manualClock()
    const polls = [{ state: 'queued' }, { state: 'running', ratio: 0.428 }, { state: 'running', ratio: 1 }] as const
    const expiresAt = clock.now() + 3_600_000
    const generator = fakeTaskGenerator({
      polls,
      video: { id: 'up_1', url: 'https://cdn.example/a.mp4', durationSeconds: 8, width: 1280, height: 720, expiresAt },
    })
    const { json } = handlerOf({ clock }, { generator, clock, pollSchedule: () => 4000 })
    const body = { prompt: 'A cat', model: 'sora-2', seconds: '8', size: '1280x720' }
    const created = await clock.runUntil(json('POST', VIDEOS, { body }))
    expect(created.status).toBe(200)
    expect(Object.keys(created.body).sort()).toEqual(FIELDS)
    expect(created.body).toMatchObject({
      object: 'video',
      status: 'queued',
      progress: 0,
      model: 'sora-2',
      prompt: 'A cat',
      seconds: '8',
      size: '1280x720',
      created_at: Math.floor(clock.now() / 1000),
      completed_at: null,
      expires_at: null,
      error: null,
      remixed_from_video_id: null,
    })
    expect(created.headers.get('openai-poll-after-ms')).toBe('4250')
    expect(created.headers.get('x-run-id')).toBe(created.body.id)
    const path = `${VIDEOS}/${created.body.id}`
    await clock.advance(8000)
    expect((await json('GET', path)).body).toMatchObject({ status: 'in_progress', progress: 42 })
    await clock.advance(4000)
    expect((await json('GET', path)).body).toMatchObject({ status: 'in_progress', progress: 99 })
    await clock.advance(4000)
    const done = await json('GET', path)
    expect(Object.keys(done.body).sort()).toEqual([...FIELDS, 'url'].sort())
    expect(done.body).toMatchObject({
      status: 'completed',
      progress: 100,
      completed_at: Math.floor(clock.now() / 1000),
      expires_at: Math.floor(expiresAt / 1000),
      url: 'https://cdn.example/a.mp4',
    })
    expect(done.headers.has('openai-poll-after-ms')).toBe(false)
    expect(generator.calls[0]?.input).toMatchObject({ model: 'sora-2', durationSeconds: 8, size: '1280x720' })
  })

  it('is in progress, not queued, while later stages run', async () => {
    const clock = manualClock()
    const uploader = fakeUploader({ delayMs: 60_000 })
    const { json } = handlerOf({ clock }, { uploader, clock })
    const { body } = await clock.runUntil(json('POST', VIDEOS, { body: { prompt: 'A cat' } }))
    await clock.advance(10)
    expect((await json('GET', `${VIDEOS}/${body.id}`)).body).toMatchObject({ status: 'in_progress', progress: 99 })
  })

  it('fails with an error that a client can act on', async () => {
    const clock = manualClock()
    const error = new UpstreamHttpError('Could not generate: 418', { status: 418 })
    const generator = fakeTaskGenerator({ polls: [{ state: 'running' }, { state: 'failed', error } as never] })
    const { json } = handlerOf({ clock }, { generator, clock })
    const { body } = await clock.runUntil(json('POST', VIDEOS, { body: { prompt: 'A cat' } }))
    await clock.advance(60_000)
    const { body: failed } = await json('GET', `${VIDEOS}/${body.id}`)
    expect(failed).toMatchObject({ status: 'failed', completed_at: null, error: { code: 'upstream_refused' } })
    expect(failed.error.message).toContain('418')
  })

  it('is refused with every field that is wrong, before anything is sent', async () => {
    const generator = fakeGenerator()
    const { json } = handlerOf({}, { generator })
    const { status, body } = await json('POST', VIDEOS, { body: { seconds: -1, size: 'big' } })
    expect(status).toBe(400)
    for (const field of ['prompt', 'seconds', 'size']) expect(body.error.message).toContain(field)
    expect(generator.calls).toEqual([])
  })

  it('never has an empty text for an unknown value', async () => {
    const { json, ended } = handlerOf()
    const { body } = await json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    expect(Object.keys(body)).toEqual(expect.arrayContaining(FIELDS))
    await ended(body.id)
    for (const video of [body, (await json('GET', `${VIDEOS}/${body.id}`)).body]) {
      expect(video).toMatchObject({ seconds: null, size: null })
      expect(Object.values(video)).not.toContain('')
    }
  })

  it.each<[string, object, string]>([
    ['that the caller named', { model: 'sora2-landscape-10s' }, 'sora2-landscape-10s'],
    ['of its default', {}, 'sora-1.0'],
  ])('has one model from the first answer to the last: %s', async (_, named, model) => {
    const clock = manualClock()
    const video = { id: 'up_1', url: 'https://cdn.example/a.mp4', model: 'wan-2.2-turbo' }
    const generator = fakeTaskGenerator({ polls: [{ state: 'queued' }, { state: 'running', ratio: 0.5 }], video })
    const { json } = handlerOf({ clock }, { generator, clock, pollSchedule: () => 1000 })
    const { body } = await clock.runUntil(json('POST', VIDEOS, { body: { prompt: 'A cat', ...named } }))
    const seen = [body]
    for (let second = 0; second < 5; second += 1) {
      await clock.advance(1000)
      seen.push((await json('GET', `${VIDEOS}/${body.id}`)).body, ...(await json('GET', VIDEOS)).body.data)
    }
    expect(new Set(seen.map(({ status }) => status))).toEqual(new Set(['queued', 'in_progress', 'completed']))
    expect(new Set(seen.map((one) => one.model))).toEqual(new Set([model]))
  })

  it('takes a form with a file', async () => {
    const generator = fakeGenerator()
    const { json } = handlerOf({}, { generator })
    const form = new FormData()
    form.set('prompt', 'A cat')
    form.set('seconds', '4')
    const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    form.set('input_reference', new File([png], 'a.png', { type: 'image/png' }))
    expect((await json('POST', VIDEOS, { body: form })).status).toBe(200)
    expect(generator.calls[0]?.input).toMatchObject({
      durationSeconds: 4,
      image: { mediaType: 'image/png', bytes: png },
    })
  })

  it('survives a restart: another process knows it, and resumes it on request', async () => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const generator = fakeTaskGenerator({ polls: 3 })
    const first = handlerOf({ clock }, { generator, store, clock, leaseMs: 1000 })
    const dead = manualClock({ now: clock.now() - 60_000 })
    new SoraPipeline({ generator, store, clock: dead, pollSchedule: () => 1000 }).run(
      { prompt: 'A cat' },
      { id: 'video_1', owner: 'everybody' },
    )
    await dead.advance(10)
    await clock.advance(10_000) // As long as the last sign of life of the dead process lasts.
    expect((await first.json('GET', `${VIDEOS}/video_1`)).body).toMatchObject({ status: 'queued' })
    await clock.advance(60_000)
    expect((await first.json('GET', `${VIDEOS}/video_1`)).body).toMatchObject({ status: 'completed' })
    expect(generator.startCount).toBe(1)
  })
})

describe('fields that the handler does not read', () => {
  const other = { fps: 24, loras: [{ id: 'x' }] }
  const bodies: [string, string, object][] = [
    ['videos', VIDEOS, { prompt: 'A cat', ...other }],
    ['chat', '/v1/chat/completions', { messages: [{ role: 'user', content: 'A cat' }], ...other }],
  ]

  it.each(bodies)('are named in a header and handed to prepare: %s', async (route, path, body) => {
    const generator = fakeGenerator()
    const prepare: HandlerOptions['prepare'] = (request, { otherFields, route }) => {
      const { fps = 0 } = otherFields
      return { ...request, style: route, providerOptions: { fps: Number(fps), all: Object.keys(otherFields) } }
    }
    const { json } = handlerOf({ prepare }, { generator })
    const { status, headers } = await json('POST', path, { body })
    expect([status, headers.get('x-ignored-parameters')]).toEqual([200, 'fps, loras'])
    expect(generator.calls[0]?.input).toMatchObject({
      style: route,
      providerOptions: { fps: 24, all: ['fps', 'loras'] },
    })
  })

  it.each(bodies)('change nothing without one: %s', async (_, path, body) => {
    const generator = fakeGenerator()
    const { json } = handlerOf({}, { generator })
    expect((await json('POST', path, { body })).status).toBe(200)
    expect(generator.calls[0]?.input).not.toHaveProperty('fps')
  })

  it('that mean media or a count are refused, unless prepare reads them', async () => {
    const generator = fakeGenerator()
    const body = { prompt: 'A cat', n: 2 }
    const prepares: readonly HandlerOptions['prepare'][] = [undefined, (request) => request]
    for (const prepare of prepares) {
      const { json } = handlerOf({ prepare }, { generator })
      const answer = await json('POST', VIDEOS, { body })
      expect([answer.status, answer.body]).toMatchObject([
        400,
        { error: { param: 'n', type: 'invalid_request_error' } },
      ])
    }
    expect(generator.calls).toEqual([])
    const prepare: HandlerOptions['prepare'] = (request, { otherFields: { n } }) => ({
      ...request,
      providerOptions: { count: Number(n) },
    })
    const { json } = handlerOf({ prepare }, { generator })
    expect((await json('POST', VIDEOS, { body })).status).toBe(200)
    expect(generator.calls[0]?.input.providerOptions).toEqual({ count: 2 })
  })

  it('may be a file of a form, usable as an image', async () => {
    const generator = fakeGenerator()
    const prepare: HandlerOptions['prepare'] = (request, { otherFields: { first_frame: image } }) => ({
      ...request,
      image: image as FormFile,
    })
    const { json } = handlerOf({ prepare }, { generator })
    const form = new FormData()
    form.set('prompt', 'A cat')
    const png = Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    form.set('first_frame', new File([png], 'a.png', { type: 'image/png' }))
    const { status, headers } = await json('POST', VIDEOS, { body: form })
    expect([status, headers.get('x-ignored-parameters')]).toEqual([200, 'first_frame'])
    expect(generator.calls[0]?.input).toMatchObject({ image: { mediaType: 'image/png', bytes: png } })
  })

  it('make another request of the same prompt', async () => {
    const generator = fakeGenerator()
    const { json } = handlerOf({}, { generator })
    const headers = { 'x-stainless-retry-count': '1' }
    for (const fps of [24, 24, 30]) await json('POST', VIDEOS, { headers, body: { prompt: 'A cat', fps } })
    expect(generator.calls).toHaveLength(2)
  })
})

describe('an Idempotency-Key', () => {
  const headers = { 'idempotency-key': 'order 7' }

  it('makes one video of a request that is sent again, for each owner', async () => {
    const generator = fakeTaskGenerator({ polls: 1 })
    const { json } = handlerOf({ apiKeys: ['key-ann', 'key-bob'] }, { generator })
    const send = (key: string) => json('POST', VIDEOS, { key, headers, body: { prompt: 'A cat' } })
    const [first, second] = await Promise.all([send('key-ann'), send('key-ann')])
    expect(first.body.id).toBe(second.body.id)
    const other = await send('key-bob')
    expect(other.body.id).not.toBe(first.body.id)
    expect(generator.startCount).toBe(2)
  })

  it('is refused for another request, and when it is empty', async () => {
    const { json } = handlerOf()
    await json('POST', VIDEOS, { headers, body: { prompt: 'A cat' } })
    const other = await json('POST', VIDEOS, { headers, body: { prompt: 'A dog' } })
    expect([other.status, other.body.error.code]).toEqual([409, 'run_conflict'])
    const empty = await json('POST', VIDEOS, { headers: { 'idempotency-key': '' }, body: { prompt: 'A cat' } })
    expect([empty.status, empty.body.error.param]).toEqual([400, 'Idempotency-Key'])
  })
})

describe('the list of videos', () => {
  it('is read page by page, newest first or oldest first', async () => {
    const clock = manualClock()
    const { json } = handlerOf({ clock }, { clock })
    for (const prompt of ['1', '2', '3']) {
      await clock.runUntil(json('POST', VIDEOS, { body: { prompt } }))
      await clock.advance(1000)
    }
    const first = (await json('GET', `${VIDEOS}?limit=2`)).body
    expect(first).toMatchObject({ object: 'list', has_more: true, data: [{ prompt: '3' }, { prompt: '2' }] })
    expect([first.first_id, first.last_id]).toEqual(first.data.map(({ id }: { id: string }) => id))
    const second = (await json('GET', `${VIDEOS}?limit=2&after=${first.last_id}`)).body
    expect(second).toMatchObject({ has_more: false, data: [{ prompt: '1' }] })
    const oldest = (await json('GET', `${VIDEOS}?order=asc`)).body
    expect(oldest.data.map(({ prompt }: { prompt: string }) => prompt)).toEqual(['1', '2', '3'])
    const none = (await json('GET', `${VIDEOS}?after=video_unknown`)).body
    expect(none).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false })
  })

  it('is an empty page where none is requested, which has nothing after it', async () => {
    const { json } = handlerOf()
    await json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    const { status, body } = await json('GET', `${VIDEOS}?limit=0`)
    expect([status, body]).toEqual([200, { object: 'list', data: [], first_id: null, last_id: null, has_more: false }])
    expect((await json('GET', `${VIDEOS}?limit=100&after=`)).body.data).toHaveLength(1)
  })

  it.each([
    ['limit=101', 'integer_above_max_value'],
    ['limit=-1', 'integer_below_min_value'],
    ['limit=x', 'invalid_type'],
    ['limit=1.5', 'invalid_type'],
    ['order=up', 'invalid_value'],
  ])('refuses %s', async (query, code) => {
    const { json } = handlerOf()
    const { status, body } = await json('GET', `${VIDEOS}?${query}`)
    expect([status, body.error.param, body.error.code]).toEqual([400, query.split('=')[0], code])
    expect(body.error.message).toMatch(/^Could not use \w+: "[^"]+" \(give .+\)$/)
  })
})

describe('deleting a video', () => {
  it('cancels it at the upstream, and takes it out of the list', async () => {
    const clock = manualClock()
    const generator = fakeTaskGenerator({ polls: 1000 })
    const { json } = handlerOf({ clock }, { generator, clock })
    const { body } = await clock.runUntil(json('POST', VIDEOS, { body: { prompt: 'A cat' } }))
    const path = `${VIDEOS}/${body.id}`
    const deleted = await clock.runUntil(json('DELETE', path))
    expect(deleted.body).toEqual({ id: body.id, object: 'video.deleted', deleted: true })
    expect(generator.cancelCount).toBe(1)
    expect((await json('GET', path)).status).toBe(404)
    expect((await json('GET', VIDEOS)).body.data).toEqual([])
    expect((await json('DELETE', path)).status).toBe(404)
  })
})

describe('a remix', () => {
  it('is made of the upstream’s video, in the frame and with the model of the first', async () => {
    const clock = manualClock()
    const generator = fakeGenerator({ outcome: { id: 'up_1', url: 'https://cdn.example/a.mp4' } })
    const { json } = handlerOf({ clock }, { generator, clock })
    const asked = { prompt: 'A cat', model: 'sora-2-pro', seconds: '8', size: '1280x720' }
    const { body: first } = await clock.runUntil(json('POST', VIDEOS, { body: asked }))
    await clock.advance(10)
    const remix = await clock.runUntil(json('POST', `${VIDEOS}/${first.id}/remix`, { body: { prompt: 'A dog' } }))
    expect(remix.body).toMatchObject({ remixed_from_video_id: first.id, prompt: 'A dog', model: 'sora-2-pro' })
    expect(generator.calls[1]?.input).toMatchObject({
      prompt: 'A dog',
      remixOf: 'up_1',
      model: 'sora-2-pro',
      durationSeconds: 8,
      size: '1280x720',
    })
  })

  it('needs a video that exists', async () => {
    const { json } = handlerOf({}, { generator: fakeTaskGenerator({ polls: 1000 }) })
    const { body } = await json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    const early = await json('POST', `${VIDEOS}/${body.id}/remix`, { body: { prompt: 'A dog' } })
    expect([early.status, early.body.error.code]).toEqual([404, 'video_not_ready'])
    const unknown = await json('POST', `${VIDEOS}/video_x/remix`, { body: { prompt: 'A dog' } })
    expect([unknown.status, unknown.body.error.code]).toEqual([404, 'video_not_found'])
  })
})

describe('the bytes of a video', () => {
  const BYTES = 'the bytes of a video'
  const opened: { offset: number; signal: AbortSignal | undefined }[] = []
  const source = (text = BYTES) => ({
    isPublic: false,
    mediaType: 'video/webm',
    byteLength: text.length,
    open: async ({ offset = 0, signal }: { offset?: number; signal?: AbortSignal } = {}) => {
      opened.push({ offset, signal })
      return new Blob([text.slice(offset)]).stream()
    },
  })
  const setUp = async (text?: string) => {
    const generator = fakeTaskGenerator({ polls: 0, video: { id: 'up_1', source: source(text) } })
    const all = handlerOf({}, { generator })
    const { body } = await all.json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    await all.ended(body.id)
    return { ...all, path: `${VIDEOS}/${body.id}/content` }
  }

  it('are sent whole, with their type', async () => {
    const { call, path } = await setUp()
    const response = await call('GET', path)
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/webm',
      'content-length': String(BYTES.length),
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    })
    expect(await response.text()).toBe(BYTES)
  })

  it.each([
    ['bytes=0-2', 'the', '0-2'],
    ['bytes=4-8', 'bytes', '4-8'],
    ['bytes=15-', 'video', '15-19'],
    ['bytes=-5', 'video', '15-19'],
    ['bytes=15-999', 'video', '15-19'],
    ['bytes=-999', BYTES, '0-19'],
  ])('are sent for the part %s', async (range, text, part) => {
    const { call, path } = await setUp()
    const response = await call('GET', path, { headers: { range } })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${part}/${BYTES.length}`)
    expect(response.headers.get('content-length')).toBe(String(text.length))
    expect(await response.text()).toBe(text)
  })

  it.each(['bytes=20-', 'bytes=-0'])('has no part %s', async (range) => {
    const { call, path } = await setUp()
    const response = await call('GET', path, { headers: { range } })
    expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${BYTES.length}`])
    expect(await response.json()).toMatchObject({ error: { code: 'range_not_satisfiable', param: 'range' } })
  })

  it.each(['bytes=0-1,3-4', 'bytes=5-2', 'bytes=-', 'items=0-1', 'bytes=a-b'])(
    'are sent whole for %s',
    async (range) => {
      const { call, path } = await setUp()
      expect(await (await call('GET', path, { headers: { range } })).text()).toBe(BYTES)
    },
  )

  it('are described by HEAD without being sent', async () => {
    const { call, path } = await setUp()
    const response = await call('HEAD', path)
    expect([response.status, response.headers.get('content-length'), response.body]).toEqual([200, '20', null])
    const part = await call('HEAD', path, { headers: { range: 'bytes=0-2' } })
    expect([part.status, part.headers.get('content-length'), part.body]).toEqual([206, '3', null])
  })

  it('are never added to those of another file', async () => {
    const { call, path } = await setUp()
    const etag = (await call('HEAD', path)).headers.get('etag') ?? ''
    const headers = { range: 'bytes=4-8', 'if-range': etag }
    expect(await (await call('GET', path, { headers })).text()).toBe('bytes')
    expect(await (await call('GET', path, { headers: { ...headers, 'if-range': '"other"' } })).text()).toBe(BYTES)
  })

  it.each([
    ['whole', undefined],
    ['from their start', 'bytes=0-'],
    ['from an offset', 'bytes=100-'],
  ])('are sent %s with their length after an answer of the upstream that announced another one', async (_, range) => {
    const bytes = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom'), Buffer.alloc(5000, 'video')])
    let extraBytes = 0
    const server = await loopbackServer((request, response) => {
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const total = bytes.length + extraBytes
      const part = start > 0 && { 'content-range': `bytes ${start}-${total - 1}/${total}` }
      response.writeHead(start > 0 ? 206 : 200, {
        'content-type': 'video/mp4',
        'content-length': total - start,
        ...part,
      })
      if (extraBytes > 0) response.write(bytes.subarray(start), () => response.destroy())
      else response.end(bytes.subarray(start))
    })
    const { json, handler, ended } = handlerOf(
      {},
      {
        generator: fakeTaskGenerator({ video: { id: 'up_1', url: `${server.origin}/own.mp4` } }),
        allowPrivateAddresses: ['127.0.0.1'],
      },
    )
    const { body } = await json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    await ended(body.id)
    const { origin } = await serve(createServer(toNodeListener(handler, { onError: () => undefined })))
    const download = async () => {
      const response = await fetch(
        `${origin}${VIDEOS}/${body.id}/content`,
        range === undefined ? {} : { headers: { range } },
      )
      return (await response.arrayBuffer()).byteLength
    }
    const length = range === 'bytes=100-' ? bytes.length - 100 : bytes.length
    expect(await download()).toBe(length)
    extraBytes = 10
    await download().catch(() => undefined)
    extraBytes = 0
    expect(await download()).toBe(length)
  })

  it('are looked up once for a player that requests part after part', async () => {
    const urls: string[] = []
    const dead = new Set<string>()
    const server = await loopbackServer(({ url, headers }, response) => {
      urls.push(`${url} ${headers.range ?? 'whole'}`)
      if (dead.has(url)) return void response.writeHead(410).end()
      const bytes = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom'), Buffer.alloc(5000, 'video')])
      const start = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0)
      const range = start > 0 && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }
      const length = { 'content-type': 'video/mp4', 'content-length': bytes.length - start }
      response.writeHead(start > 0 ? 206 : 200, { ...length, ...range }).end(bytes.subarray(start))
    })
    const { json, call, ended } = handlerOf(
      {},
      {
        generator: fakeTaskGenerator({ video: { id: 'up_1', url: `${server.origin}/own.mp4` } }),
        resolver: fakeResolver({ outcome: { url: `${server.origin}/mirror.mp4` } }),
        allowPrivateAddresses: ['127.0.0.1'],
      },
    )
    const { body } = await json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    await ended(body.id)
    const part = async (range: string) => {
      const response = await call('GET', `${VIDEOS}/${body.id}/content`, { headers: { range } })
      return [response.status, (await response.arrayBuffer()).byteLength]
    }
    expect(await part('bytes=0-99')).toEqual([206, 100])
    expect(await part('bytes=100-299')).toEqual([206, 200])
    expect(await part('bytes=5000-')).toEqual([206, 12])
    expect(urls).toEqual(['/mirror.mp4 whole', '/mirror.mp4 bytes=100-', '/mirror.mp4 bytes=5000-'])
    dead.add('/mirror.mp4')
    expect(await part('bytes=100-299')).toEqual([206, 200])
    expect(urls.at(-1)).toBe('/own.mp4 bytes=100-')
    dead.add('/own.mp4')
    const gone = await json('GET', `${VIDEOS}/${body.id}/content`)
    expect([gone.status, gone.body.error.code]).toEqual([502, 'upstream_refused'])
  })

  describe('whose length is unknown', () => {
    const ALL = Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from('ftypisom'), Buffer.alloc(3_000_000, 'video')])
    /** A video behind a server that declares no length, and gives parts as specified. */
    const setUpUnsized = async (parts: 'ignored' | 'with the length' | 'without the length', bytes = ALL) => {
      const seen: string[] = []
      const server = await loopbackServer(({ headers }, response) => {
        seen.push(headers.range ?? 'whole')
        const start = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0)
        const type = { 'content-type': 'video/mp4', 'transfer-encoding': 'chunked' }
        if (start === 0 || parts === 'ignored') return void response.writeHead(200, type).end(bytes)
        const total = parts === 'with the length' ? bytes.length : '*'
        if (start >= bytes.length) return void response.writeHead(416, { 'content-range': `bytes */${total}` }).end()
        const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${total}` }
        response.writeHead(206, { ...type, ...range }).end(bytes.subarray(start))
      })
      const { json, call, ended, errors } = handlerOf(
        {},
        {
          generator: fakeTaskGenerator({ video: { id: 'up_1', url: `${server.origin}/a.mp4` } }),
          allowPrivateAddresses: ['127.0.0.1'],
        },
      )
      const { body } = await json('POST', VIDEOS, { body: { prompt: 'A cat' } })
      await ended(body.id)
      const get = async (range: string, { method = 'GET', headers = {} } = {}) => {
        const response = await call(method, `${VIDEOS}/${body.id}/content`, { headers: { range, ...headers } })
        const sent = Buffer.from(await response.arrayBuffer())
        return {
          status: response.status,
          range: response.headers.get('content-range'),
          sent,
          headers: response.headers,
        }
      }
      return { get, seen, errors }
    }

    it.each<['ignored' | 'without the length', string, string, number, number]>([
      ['ignored', 'bytes=0-99', 'bytes 0-99/*', 0, 100],
      ['ignored', 'bytes=0-1', 'bytes 0-1/*', 0, 2],
      ['ignored', 'bytes=100-199', 'bytes 100-199/*', 100, 200],
      ['ignored', 'bytes=2999912-', 'bytes 2999912-3000011/3000012', 2_999_912, 3_000_012],
      ['ignored', 'bytes=2999912-9999999', 'bytes 2999912-3000011/3000012', 2_999_912, 3_000_012],
      ['without the length', 'bytes=0-99', 'bytes 0-99/*', 0, 100],
      ['without the length', 'bytes=1000000-2048575', 'bytes 1000000-2048575/*', 1_000_000, 2_048_576],
    ])('are sent in a part where ranges are %s: %s', async (parts, asked, range, start, end) => {
      const { get, errors } = await setUpUnsized(parts)
      const answer = await get(asked)
      expect([answer.status, answer.range, errors]).toEqual([206, range, []])
      expect(answer.headers.get('content-length')).toBe(String(end - start))
      expect(answer.sent.equals(ALL.subarray(start, end))).toBe(true)
    })

    it.each(['bytes=0-', 'bytes=-500', 'bytes=0-1999999', 'bytes=100-', 'bytes=1-1048577', 'bytes=9-5', 'bytes=-'])(
      'are sent whole for %s, whose end is unknown',
      async (asked) => {
        const { get } = await setUpUnsized('ignored')
        const answer = await get(asked)
        expect([answer.status, answer.range, answer.sent.equals(ALL)]).toEqual([200, null, true])
      },
    )

    it.each<['ignored' | 'without the length']>([['ignored'], ['without the length']])(
      'have no part past their end, where ranges are %s',
      async (parts) => {
        const { get } = await setUpUnsized(parts)
        expect(await get('bytes=3000012-3000099')).toMatchObject({ status: 416, range: null })
      },
    )

    it('are sent in any part once an offset has revealed the length, which a player needs to seek', async () => {
      const { get, seen } = await setUpUnsized('with the length')
      const first = await get('bytes=0-1')
      expect([first.status, first.range]).toEqual([206, 'bytes 0-1/3000012'])
      expect(seen).toEqual(['whole', 'bytes=1-'])
      const last = await get('bytes=-12')
      expect([last.status, last.range, seen.length]).toEqual([206, 'bytes 3000000-3000011/3000012', 3])
      expect((await get('bytes=0-')).range).toBe('bytes 0-3000011/3000012')
    })

    it.each<[string, string, Record<string, string>]>([
      ['HEAD', 'HEAD', {}],
      ['If-Range, for what was had before may be of another file', 'GET', { 'if-range': '"0"' }],
    ])('have no part for %s', async (_, method, headers) => {
      const { get, seen } = await setUpUnsized('ignored')
      expect(await get('bytes=0-1', { method, headers })).toMatchObject({ status: 200, range: null })
      expect(seen).toEqual(['whole'])
    })
  })

  it('are given up when the client leaves', async () => {
    const { handler, path } = await setUp()
    const caller = new AbortController()
    const response = await handler(new Request(`http://backend.example${path}`, { signal: caller.signal }))
    await response.body?.cancel()
    caller.abort()
    expect(opened.at(-1)?.signal?.aborted).toBe(true)
  })

  it('are missing before the video is ready, and when it failed', async () => {
    const waiting = handlerOf({}, { generator: fakeTaskGenerator({ polls: 1000 }) })
    const { body } = await waiting.json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    const early = await waiting.json('GET', `${VIDEOS}/${body.id}/content`)
    expect([early.status, early.body.error.code]).toEqual([404, 'video_not_ready'])
    const { call, path } = await setUp()
    for (const variant of ['thumbnail', 'spritesheet']) {
      expect((await call('GET', `${path}?variant=${variant}`)).status).toBe(404)
    }
    expect((await call('GET', `${path}?variant=poster`)).status).toBe(400)
    expect((await call('GET', `${path}?variant=video`)).status).toBe(200)
  })

  it('are redirected to the target of the options, when there is a public URL', async () => {
    const resolver = fakeResolver({ outcome: { url: 'https://mirror.example/a.mp4' } })
    const redirecting = handlerOf({ contentDelivery: 'redirect' }, { resolver })
    const { body } = await redirecting.json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    await redirecting.ended(body.id)
    const response = await redirecting.call('GET', `${VIDEOS}/${body.id}/content`)
    expect([response.status, response.headers.get('location')]).toEqual([302, 'https://mirror.example/a.mp4'])
    const choosing = handlerOf({ contentDelivery: ({ video }) => video.url }, { resolver })
    const { body: other } = await choosing.json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    await choosing.ended(other.id)
    const chosen = await choosing.call('GET', `${VIDEOS}/${other.id}/content`)
    expect(chosen.headers.get('location')).not.toBe('https://mirror.example/a.mp4')
    const { call, path } = await setUp()
    expect((await call('GET', path)).status).toBe(200)
  })
})

it('a store without a list is reported', async () => {
  const { list: _, ...store } = memoryStore()
  const pipeline = new SoraPipeline({ generator: fakeGenerator(), store })
  const handler = createHandler(pipeline, { public: true })
  const response = await handler(new Request(`http://backend.example${VIDEOS}`))
  expect(response.status).toBe(409)
})
