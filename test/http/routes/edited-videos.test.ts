import OpenAI, { toFile } from 'openai'
import { describe, expect, it } from 'vitest'
import { createHandler } from '../../../src/http/index.js'
import { SoraPipeline, type VideoRequest } from '../../../src/index.js'
import { memoryVideo } from '../../../src/strategies/index.js'
import { fakeGenerator } from '../../../src/testing/index.js'
import { videoBytes } from '../../upstream/loopback-server.js'

const CLIP = videoBytes(4_000)

function setUp(options: Partial<Parameters<typeof createHandler>[1]> = {}) {
  const generator = fakeGenerator({ outcome: { id: 'gen_1', source: memoryVideo(CLIP) } })
  const pipeline = new SoraPipeline({ generator })
  const handler = createHandler(pipeline, { apiKeys: ['key-1', 'key-2'], ...options })
  const client = (apiKey = 'key-1') =>
    new OpenAI({
      apiKey,
      baseURL: 'http://backend.test/v1',
      maxRetries: 0,
      fetch: (input, init) => handler(new Request(input, init)),
    })
  const call = async (method: string, path: string) => {
    const answer = await handler(
      new Request(`http://backend.test/v1/${path}`, { method, headers: { authorization: 'Bearer key-1' } }),
    )
    return { status: answer.status, body: (await answer.json()) as { error: { code: string; message: string } } }
  }
  return { generator, client, call }
}

const inputOf = (generator: ReturnType<typeof fakeGenerator>) => generator.calls.at(-1)?.input as VideoRequest

describe('the official client', () => {
  it('edits a file', async () => {
    const { generator, client } = setUp()
    const video = await toFile(CLIP, 'cat.mp4')
    const { id, object } = await client().videos.edit({ prompt: 'In snow', video })
    expect([object, id]).toEqual(['video', expect.any(String)])
    expect(inputOf(generator)).toEqual({
      prompt: 'In snow',
      video: { bytes: new Uint8Array(CLIP), mediaType: 'video/mp4' },
      providerOptions: { videoInput: 'edits' },
    })
  })

  it('edits and extends a video of its own by its id', async () => {
    const { generator, client } = setUp()
    const { id } = await client().videos.create({ prompt: 'A cat' })
    await client().videos.edit({ prompt: 'In snow', video: { id } })
    expect(inputOf(generator)).toMatchObject({ prompt: 'In snow', providerOptions: { videoInput: 'edits' } })
    await client().videos.extend({ prompt: 'It goes on', seconds: '8', video: { id } })
    expect(inputOf(generator)).toEqual({
      prompt: 'It goes on',
      durationSeconds: 8,
      video: { bytes: new Uint8Array(CLIP), mediaType: 'video/mp4' },
      providerOptions: { videoInput: 'extensions' },
    })
  })

  it('does not reach the video of another key, and none that is too long', async () => {
    const { generator, client } = setUp({ maxBodyBytes: 3_000 })
    const { id } = await client().videos.create({ prompt: 'A cat' })
    await expect(client('key-2').videos.edit({ prompt: 'In snow', video: { id } })).rejects.toMatchObject({
      status: 404,
    })
    await expect(client().videos.edit({ prompt: 'In snow', video: { id } })).rejects.toMatchObject({
      status: 400,
      param: 'video',
      message: expect.stringContaining('it is longer than 3000 bytes'),
    })
    expect(generator.calls).toHaveLength(1)
  })

  it('is refused a file that is not a video, and a missing one', async () => {
    const { generator, client } = setUp()
    const page = await toFile(Buffer.from('<html>'), 'cat.mp4')
    for (const video of [page, { id: '' }]) {
      await expect(client().videos.edit({ prompt: 'In snow', video })).rejects.toMatchObject({
        status: 400,
        param: 'video',
      })
    }
    expect(generator.calls).toEqual([])
  })
})

describe('what is not served', () => {
  it.each(['thumbnail', 'spritesheet'] as const)('a %s is 404 and names what exists', async (variant) => {
    const { client } = setUp()
    const { id } = await client().videos.create({ prompt: 'A cat' })
    await expect(client().videos.downloadContent(id, { variant })).rejects.toMatchObject({
      status: 404,
      code: 'variant_not_found',
      message: expect.stringContaining('the upstream of this video has none'),
    })
  })

  it('characters are 404, with the paths that exist', async () => {
    const { client, call } = setUp()
    const video = await toFile(CLIP, 'cat.mp4')
    await expect(client().videos.createCharacter({ name: 'cat', video })).rejects.toMatchObject({
      status: 404,
      code: 'unknown_url',
      message: expect.stringContaining('POST /v1/videos/edits'),
    })
    expect(await call('GET', 'videos/characters/char_1')).toMatchObject({
      status: 404,
      body: { error: { code: 'unknown_url' } },
    })
  })

  it('the Responses API is refused with what to use', async () => {
    const { client } = setUp()
    await expect(client().responses.create({ model: 'sora-1.0', input: 'A cat' })).rejects.toMatchObject({
      status: 404,
      message: expect.stringContaining('is not served; use POST /v1/chat/completions, or POST /v1/videos'),
    })
  })

  it('another method of an edit is 405', async () => {
    const { call } = setUp()
    expect((await call('GET', 'videos/edits')).status).toBe(405)
  })
})
