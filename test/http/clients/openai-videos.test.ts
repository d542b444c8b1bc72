import OpenAI, { NotFoundError, toFile } from 'openai'
import { describe, expect, test } from 'vitest'
import { collect } from '../../support/collect.js'
import { ERROR_KINDS } from './error-kinds.js'
import { prompts } from './prompted-generator.js'
import { API_KEY, type Backend, startKeyedBackend, startPromptedBackend } from './start-backend.js'
import { thrownBy } from './thrown-by.js'

const clientOf = ({ baseUrl }: Backend, apiKey = API_KEY) => new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 0 })
const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
const ended = ({ pipeline }: Backend, id: string) => pipeline.resume(id).result.catch(() => undefined)

describe('a video', () => {
  test('is created, looked up, downloaded, remixed and deleted', async () => {
    const backend = await startKeyedBackend()
    const client = clientOf(backend)
    const created = await client.videos.create({ prompt: 'A cat', model: 'sora-2', seconds: '8', size: '1280x720' })
    expect(created).toMatchObject({ object: 'video', model: 'sora-2', seconds: '8', size: '1280x720', error: null })
    expect(backend.generator.calls[0]?.input).toMatchObject({ prompt: 'A cat', durationSeconds: 8, size: '1280x720' })
    await ended(backend, created.id)

    const video = await client.videos.retrieve(created.id)
    expect(video).toMatchObject({ id: created.id, status: 'completed', progress: 100, prompt: 'A cat' })
    expect(video.completed_at).toBeGreaterThanOrEqual(video.created_at)

    const content = await client.videos.downloadContent(video.id)
    expect(content.headers.get('content-type')).toBe('video/mp4')
    expect(content.headers.get('content-length')).toBe('300000')
    expect(Buffer.from(await content.arrayBuffer()).equals(backend.bytes)).toBe(true)

    const remix = await client.videos.remix(video.id, { prompt: 'A cat with a hat' })
    expect(remix).toMatchObject({ remixed_from_video_id: video.id, prompt: 'A cat with a hat', seconds: '8' })
    expect(backend.generator.calls[1]?.input).toMatchObject({ prompt: 'A cat with a hat', remixOf: 'gen_1' })
    await ended(backend, remix.id)

    expect(await client.videos.delete(video.id)).toEqual({ id: video.id, object: 'video.deleted', deleted: true })
    expect(await thrownBy(client.videos.retrieve(video.id))).toBeInstanceOf(NotFoundError)
    expect(backend.errors).toEqual([])
  })

  test('is made from a file, a data URL or an address', async () => {
    const backend = await startPromptedBackend()
    const { videos } = clientOf(backend)
    const file = await toFile(PNG, 'cat.png', { type: 'image/png' })
    await videos.create({ prompt: 'file', input_reference: file })
    await videos.create({ prompt: 'nameless', input_reference: await toFile(PNG, 'cat') })
    const dataUrl = `data:image/png;base64,${PNG.toString('base64')}`
    await videos.create({ prompt: 'data', input_reference: { image_url: dataUrl } })
    await videos.create({ prompt: 'address', input_reference: { image_url: 'https://images.example/cat.png' } })
    await videos.create({ prompt: 'nothing' })
    const [fromFile, nameless, fromData, fromAddress, fromNothing] = backend.generator.requests
    for (const request of [fromFile, nameless]) {
      expect(request?.image).toEqual({ bytes: new Uint8Array(PNG), mediaType: 'image/png' })
    }
    expect(fromData?.image).toBe(dataUrl)
    expect(fromAddress?.image).toBe('https://images.example/cat.png')
    expect(fromNothing).toEqual({ prompt: 'nothing' })
    expect(backend.arrivals.map(({ headers }) => headers.get('content-type'))).toEqual(
      Array(5).fill(expect.stringMatching(/^multipart\/form-data/)),
    )
  })

  test('reports its progress while it is made, and is cancelled by a delete', async () => {
    const backend = await startPromptedBackend()
    const client = clientOf(backend)
    const created = await client.videos.create({ prompt: prompts.endless('cat') })
    expect(created).toMatchObject({ status: 'in_progress', progress: 40, completed_at: null })
    const run = backend.pipeline.resume(created.id)
    await client.videos.delete(created.id)
    await expect(run.result).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('that failed reports why, and has no content', async () => {
    const backend = await startPromptedBackend()
    const client = clientOf(backend)
    const { id } = await client.videos.create({ prompt: prompts.fail('content-policy') })
    await ended(backend, id)
    const video = await client.videos.retrieve(id)
    expect(video).toMatchObject({ status: 'failed', error: { code: 'content_policy_violation' } })
    const error = await thrownBy(client.videos.downloadContent(id))
    expect(error).toMatchObject({ status: 404, code: 'video_failed' })
  })

  test('that does not exist is an error everywhere', async () => {
    const client = clientOf(await startPromptedBackend())
    const { videos } = client
    const errors = await Promise.all(
      [
        videos.retrieve('video_0'),
        videos.delete('video_0'),
        videos.downloadContent('video_0'),
        videos.remix('video_0', { prompt: 'x' }),
        videos.retrieve('../a b/ü'),
      ].map(thrownBy),
    )
    for (const error of errors) expect(error).toMatchObject({ status: 404, code: 'video_not_found' })
  })
})

describe('a list', () => {
  test('is read over several pages, in both orders', async () => {
    const backend = await startPromptedBackend()
    const { videos } = clientOf(backend)
    const ids: string[] = []
    for (let count = 0; count < 7; count += 1) ids.push((await videos.create({ prompt: `cat ${count}` })).id)
    const seen = backend.arrivals.length
    const newest = await collect(videos.list({ limit: 3 }))
    expect(new Set(newest.map(({ id }) => id))).toEqual(new Set(ids))
    expect(newest).toHaveLength(7)
    expect(backend.arrivals.slice(seen).map(({ path }) => path.replace(/video_\w+/, '*'))).toEqual([
      '/v1/videos?limit=3',
      '/v1/videos?limit=3&after=*',
      '/v1/videos?limit=3&after=*',
    ])
    const oldest = await collect(videos.list({ limit: 2, order: 'asc' }))
    expect(oldest.map(({ id }) => id)).toEqual(newest.map(({ id }) => id).reverse())
    expect((await videos.list()).data).toHaveLength(7)
  })

  test('without videos has no page after it', async () => {
    const page = await clientOf(await startPromptedBackend()).videos.list()
    expect(page.data).toEqual([])
    expect(page.hasNextPage()).toBe(false)
  })

  test('has only the videos of the caller', async () => {
    const backend = await startPromptedBackend({}, { apiKeys: [API_KEY, 'sk-other'] })
    const { id } = await clientOf(backend).videos.create({ prompt: 'mine' })
    const other = clientOf(backend, 'sk-other')
    expect(await collect(other.videos.list())).toEqual([])
    expect(await thrownBy(other.videos.retrieve(id))).toMatchObject({ status: 404, code: 'video_not_found' })
  })
})

describe('requests that are refused', () => {
  test('for their key, whichever route', async () => {
    const backend = await startPromptedBackend()
    const client = clientOf(backend, 'sk-wrong')
    const { videos, models } = client
    const messages = [{ role: 'user' as const, content: 'A cat' }]
    const errors = await Promise.all(
      [
        videos.create({ prompt: 'A cat' }),
        videos.list(),
        videos.downloadContent('video_0'),
        models.list(),
        client.chat.completions.create({ model: 'sora-1.0', messages }),
        client.chat.completions.create({ model: 'sora-1.0', messages, stream: true }),
      ].map(thrownBy),
    )
    for (const error of errors) expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect(backend.generator.requests).toEqual([])
  })

  test('for their fields', async () => {
    const backend = await startPromptedBackend({}, { models: ['sora-1.0'] })
    const { videos } = clientOf(backend)
    const invalid = { status: 400, type: 'invalid_request_error' }
    expect(await thrownBy(videos.create({ prompt: '' }))).toMatchObject({ ...invalid, param: 'prompt' })
    expect(await thrownBy(videos.create({ prompt: 'x', seconds: 'soon' as '4' }))).toMatchObject({
      ...invalid,
      param: 'seconds',
    })
    expect(await thrownBy(videos.create({ prompt: 'x', model: 'gpt-9' }))).toMatchObject({
      status: 404,
      code: 'model_not_found',
      param: 'model',
    })
    const code = 'integer_above_max_value'
    expect(await thrownBy(videos.list({ limit: 101 }))).toMatchObject({ ...invalid, param: 'limit', code })
    expect(await collect(videos.list({ limit: 0 }))).toEqual([])
    expect(backend.generator.requests).toEqual([])
  })

  test.each(ERROR_KINDS)('by the upstream: $name', async ({ name, status, code, type, retryAfter }) => {
    const backend = await startPromptedBackend()
    const error = await thrownBy(clientOf(backend).videos.create({ prompt: prompts.refuse(name) }))
    expect(error).toMatchObject({ status, code, type })
    expect((error as InstanceType<typeof OpenAI.APIError>).headers?.get('retry-after') ?? undefined).toBe(retryAfter)
  })
})
