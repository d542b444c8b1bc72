import { describe, expect, it } from 'vitest'
import { createHandler } from '../../../src/http/index.js'
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

  it('is in progress, not queued, while later stages go on', async () => {
    const clock = manualClock()
    const uploader = fakeUploader({ delayMs: 60_000 })
    const { json } = handlerOf({ clock }, { uploader, clock })
    const { body } = await clock.runUntil(json('POST', VIDEOS, { body: { prompt: 'A cat' } }))
    await clock.advance(10)
    expect((await json('GET', `${VIDEOS}/${body.id}`)).body).toMatchObject({ status: 'in_progress', progress: 99 })
  })

  it('fails with the error that a client can act on', async () => {
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
    const { status, body } = await json('POST', VIDEOS, { body: { seconds: -1, size: 'big', fps: 24 } })
    expect(status).toBe(400)
    for (const field of ['prompt', 'seconds', 'size', 'fps']) expect(body.error.message).toContain(field)
    expect(generator.calls).toEqual([])
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

  it('is lost by no restart: another process knows it, and takes it up when it is asked for', async () => {
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
  it('goes page by page, newest first or oldest first', async () => {
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

  it.each(['limit=0', 'limit=101', 'limit=x', 'order=up'])('refuses %s', async (query) => {
    const { json } = handlerOf()
    const { status, body } = await json('GET', `${VIDEOS}?${query}`)
    expect([status, body.error.param]).toEqual([400, query.split('=')[0]])
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

  it('needs a video that is there', async () => {
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

  it('come whole, as what they are', async () => {
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
  ])('come in the part %s', async (range, text, part) => {
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
  })

  it.each(['bytes=0-1,3-4', 'bytes=5-2', 'bytes=-', 'items=0-1', 'bytes=a-b'])('come whole for %s', async (range) => {
    const { call, path } = await setUp()
    expect(await (await call('GET', path, { headers: { range } })).text()).toBe(BYTES)
  })

  it('are told of by HEAD without being sent', async () => {
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

  it('are looked for once by a player that asks for part after part', async () => {
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

  it('are given up when the caller goes away', async () => {
    const { handler, path } = await setUp()
    const caller = new AbortController()
    const response = await handler(new Request(`http://backend.example${path}`, { signal: caller.signal }))
    await response.body?.cancel()
    caller.abort()
    expect(opened.at(-1)?.signal?.aborted).toBe(true)
  })

  it('are not there before the video is, nor when it failed', async () => {
    const waiting = handlerOf({}, { generator: fakeTaskGenerator({ polls: 1000 }) })
    const { body } = await waiting.json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    const early = await waiting.json('GET', `${VIDEOS}/${body.id}/content`)
    expect([early.status, early.body.error.code]).toEqual([404, 'video_not_ready'])
    const { call, path } = await setUp()
    expect((await call('GET', `${path}?variant=thumbnail`)).status).toBe(400)
    expect((await call('GET', `${path}?variant=video`)).status).toBe(200)
  })

  it('are redirected to where the options say, when there is a public URL', async () => {
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

it('a store without a list says so', async () => {
  const { list: _, ...store } = memoryStore()
  const pipeline = new SoraPipeline({ generator: fakeGenerator(), store })
  const handler = createHandler(pipeline)
  const response = await handler(new Request(`http://backend.example${VIDEOS}`))
  expect(response.status).toBe(409)
})
