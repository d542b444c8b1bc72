import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { memoryStore, paceSchedule, SoraPipeline } from '../../../src/index.js'
import { taskApiGenerator, type VideosApiGeneratorOptions, videosApiGenerator } from '../../../src/strategies/index.js'
import { fakeGenerator } from '../../../src/testing/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const PNG = Buffer.from('\x89PNG\r\n\x1a\n and its pixels', 'latin1')
const SHA256 = createHash('sha256').update(PNG).digest('hex')
const DONE = { id: 'v1', object: 'video', status: 'completed', url: 'https://cdn.example/a.mp4' }
const local = ['127.0.0.1']

/** A host of images whose bytes change with each request, and a server of videos. */
async function setUp(create: (count: number) => { status: number; body?: object } | 'reset' = () => ({ status: 200 })) {
  let served = 0
  const images = await loopbackServer((sent, response) => {
    served += 1
    if (sent.url === '/big.png') return response.end(Buffer.concat([PNG, Buffer.alloc(5_000)]))
    if (sent.url === '/page') return response.end('<html>')
    if (sent.url === '/gone.png') return response.writeHead(404).end()
    if (sent.url === '/busy.png') return response.writeHead(503).end()
    return response.end(served === 1 ? PNG : Buffer.concat([PNG, Buffer.from(String(served))]))
  })
  let creates = 0
  const api = await loopbackServer((sent, response) => {
    if (sent.method !== 'POST') return response.end(JSON.stringify(DONE))
    creates += 1
    const answer = create(creates)
    if (answer === 'reset') return response.destroy()
    return response.writeHead(answer.status).end(JSON.stringify(answer.body ?? DONE))
  })
  const posts = () => api.seen.filter(({ method }) => method === 'POST')
  const generator = (options: Partial<VideosApiGeneratorOptions> = {}) =>
    videosApiGenerator({ baseUrl: `${api.origin}/v1`, allowPrivateAddresses: local, ...options })
  return { images, api, posts, generator, image: `${images.origin}/a.png` }
}

const pollSchedule = paceSchedule({ firstMs: 20, floorMs: 20, blindMs: 20 })

describe('an image at an address', () => {
  test('is fetched once before the intent is saved, kept as media, and resent byte for byte', async () => {
    const { images, posts, generator, image } = await setUp((count) => (count === 1 ? 'reset' : { status: 200 }))
    const store = memoryStore()
    const order: string[] = []
    const put: string[] = []
    const watched = {
      ...store,
      async putMedia(id: string, sha256: string, bytes: Uint8Array) {
        order.push('putMedia')
        put.push(sha256)
        await store.putMedia?.(id, sha256, bytes)
      },
      async save(...given: Parameters<typeof store.save>) {
        const { submission, fetchedMedia } = given[2] as { submission?: { state: string }; fetchedMedia?: object }
        order.push(`${submission?.state}${fetchedMedia === undefined ? '' : ' with media'}`)
        return store.save(...given)
      },
    }
    const pipeline = new SoraPipeline({
      generator: generator({ idempotency: 'key', settleMs: 0 }),
      store: watched,
      pollSchedule,
    })
    const result = await pipeline.generate({ prompt: 'A cat', image }, { id: 'run_1' })
    expect(result.url).toBe(DONE.url)
    expect(order.slice(0, 2)).toEqual(['putMedia', 'sending with media'])
    expect(put).toEqual([SHA256])
    expect(images.seen).toHaveLength(1)
    expect(posts()).toHaveLength(2)
    for (const { body } of posts()) expect(body.includes(PNG)).toBe(true)
    expect(new Set(posts().map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
    expect(await store.getMedia?.(SHA256)).toBeUndefined()
  })

  test('a last frame and references are fetched once, kept as media, and resent byte for byte', async () => {
    const { images, posts, generator } = await setUp((count) => (count === 1 ? 'reset' : { status: 200 }))
    const at = (name: string) => `${images.origin}/${name}.png`
    for (const request of [
      { image: at('a'), lastFrame: at('b') },
      { references: [at('c'), { bytes: PNG, mediaType: 'image/png' }, at('d')] },
    ]) {
      const store = memoryStore()
      const put: string[] = []
      const watched = {
        ...store,
        async putMedia(id: string, sha256: string, bytes: Uint8Array) {
          put.push(sha256)
          await store.putMedia?.(id, sha256, bytes)
        },
      }
      const before = { images: images.seen.length, posts: posts().length }
      const pipeline = new SoraPipeline({
        generator: generator({ dialect: 'litellm', idempotency: 'key', settleMs: 0 }),
        store: watched,
        pollSchedule,
      })
      const result = await pipeline.generate({ prompt: 'A cat', ...request }, { id: 'run_1' })
      expect(result.url).toBe(DONE.url)
      expect(images.seen.length - before.images).toBe(2)
      expect(new Set(put).size).toBe('references' in request ? 3 : 2)
      const bodies = posts()
        .slice(before.posts)
        .map(({ body }) => String(body))
      expect(new Set(bodies).size).toBe(1)
      expect(bodies[0]).not.toContain(images.origin)
    }
    expect(posts()).toHaveLength(3)
  })

  test.each([
    ['lastFrame', (url: string) => ({ lastFrame: url })],
    ['references[1]', (url: string) => ({ references: [{ bytes: PNG, mediaType: 'image/png' }, url] })],
  ])('that cannot be fetched is named: %s', async (field, request) => {
    const { images, posts, generator } = await setUp()
    const made = generator({ dialect: 'litellm' }).prepare?.(
      { prompt: 'A cat', ...request(`${images.origin}/gone.png`) },
      stageContext(),
    )
    expect(await rejection(made as Promise<unknown>)).toMatchObject({ problems: [{ field }] })
    expect(posts()).toHaveLength(0)
  })

  test('is sent again with the same bytes by another process', async () => {
    const { images, posts, generator, image } = await setUp((count) => (count === 1 ? 'reset' : { status: 200 }))
    const store = memoryStore()
    const options = {
      generator: generator({ idempotency: 'key', settleMs: 60_000 }),
      store,
      pollSchedule,
      leaseMs: 1_000,
    }
    const first = new SoraPipeline(options)
    const run = first.run({ prompt: 'A cat', image }, { id: 'run_1' })
    run.result.catch(() => undefined)
    for await (const event of run) if (event.type === 'warning' || posts().length > 0) break
    await first.close({ graceMs: 0 })
    const again = new SoraPipeline({ ...options, generator: generator({ idempotency: 'key', settleMs: 0 }) })
    expect((await again.resume('run_1').result).url).toBe(DONE.url)
    expect(images.seen).toHaveLength(1)
    for (const { body } of posts()) expect(body.includes(PNG)).toBe(true)
  })

  test.each([
    ['/gone.png', /answered 404/],
    ['/page', /sent text\/html/],
    ['/big.png', /at most 1000 bytes/],
  ])('%s fails before payment and names the other way', async (path, message) => {
    const { images, posts, generator } = await setUp()
    const second = fakeGenerator({ name: 'second' })
    const pipeline = new SoraPipeline({ generator: generator({ maxImageBytes: 1_000 }), pollSchedule })
    const error = await rejection(pipeline.generate({ prompt: 'A cat', image: `${images.origin}${path}` }))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field: 'image' }] })
    expect(String(error)).toMatch(message)
    expect(String(error)).toContain("imageUrls: 'url'")
    expect([posts().length, second.calls.length]).toEqual([0, 0])
  })

  test('that is private fails before payment, and nothing is requested there', async () => {
    const { images, posts, generator, image } = await setUp()
    const direct = generator({ allowPrivateAddresses: undefined })
    for (const call of [direct.start, direct.prepare]) {
      const error = await rejection(call?.({ prompt: 'A cat', image }, stageContext()) as Promise<unknown>)
      expect(error).toMatchObject({ code: 'request-invalid' })
      expect(String(error)).toContain("imageUrls: 'url'")
    }
    expect([images.seen.length, posts().length]).toEqual([0, 0])
  })

  test('of a host that does not exist is a mistake of the request', async () => {
    const { generator, api } = await setUp()
    const image = 'http://images.invalid/a.png'
    const lookup = Object.assign(new Error('getaddrinfo ENOTFOUND images.invalid'), { code: 'ENOTFOUND' })
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause: lookup }))
    const error = await rejection(generator({ fetch }).start({ prompt: 'A cat', image }, stageContext()))
    expect(error).toMatchObject({ code: 'request-invalid', problems: [{ field: 'image' }] })
    expect(api.seen).toEqual([])
  })

  test('of a host that is busy may be tried again, because nothing was sent', async () => {
    const { images, posts, generator } = await setUp()
    const error = await rejection(
      generator().start({ prompt: 'A cat', image: `${images.origin}/busy.png` }, stageContext()),
    )
    expect(error).toMatchObject({ code: 'network', isRefusal: true, isRetryable: true })
    expect(posts()).toHaveLength(0)
  })

  test('is left to the upstream when the generator passes addresses on', async () => {
    const { images, posts, generator, image } = await setUp()
    const pipeline = new SoraPipeline({ generator: generator({ imageUrls: 'url' }), pollSchedule })
    await pipeline.generate({ prompt: 'A cat', image })
    expect(images.seen).toHaveLength(0)
    expect(JSON.parse(String(posts()[0]?.body))).toMatchObject({ input_reference: { image_url: image } })
  })

  test('keeps its form when the encoding is refused: an address is never sent where it may be ignored', async () => {
    const { posts, generator, image } = await setUp(() => ({ status: 415, body: {} }))
    const address = await rejection(generator({ imageUrls: 'url' }).start({ prompt: 'A cat', image }, stageContext()))
    expect(address).toMatchObject({ status: 415 })
    expect(posts()).toHaveLength(1)
    await rejection(generator().start({ prompt: 'A cat', image }, stageContext()))
    const [, form, json] = posts()
    expect(form?.body.includes(PNG)).toBe(true)
    expect(JSON.parse(String(json?.body)).input_reference.image_url).toMatch(/^data:image\/png;base64,/)
  })

  test('reaches create of taskApiGenerator as an address or a data URL', async () => {
    const { api, posts, image } = await setUp()
    for (const imageUrls of ['url', 'data-url'] as const) {
      const generator = taskApiGenerator({
        name: 'mine',
        baseUrl: api.origin,
        imageUrls,
        allowPrivateAddresses: local,
        create: (request) => ({ path: '/tasks', body: { image: request.image } }),
        poll: { path: ({ id }) => `/tasks/${id}` },
      })
      await new SoraPipeline({ generator, pollSchedule }).generate({ prompt: 'A cat', image })
    }
    const [address, text] = posts().map(({ body }) => JSON.parse(String(body)).image)
    expect(address).toBe(image)
    expect(text).toBe(`data:image/png;base64,${PNG.toString('base64')}`)
  })
})
