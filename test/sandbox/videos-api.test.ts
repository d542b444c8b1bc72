import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { startSandbox } from '../../src/sandbox/start-sandbox.js'
import { videosApi } from '../../src/sandbox/videos-api.js'
import { callVideosApi, createVideo, endOf } from './call-videos-api.js'
import { inspectMp4 } from './inspect-mp4.js'

let sandbox: Sandbox

beforeAll(async () => {
  sandbox = await startSandbox({ speed: 60 })
})

afterAll(() => sandbox.close())

const post = (path: string, body: FormData | object, headers: Record<string, string> = {}) => {
  return callVideosApi(sandbox, path, { method: 'POST', body, headers })
}

describe('create and retrieve', () => {
  it('answers with all 13 fields and ends with bytes that play', async () => {
    const before = Math.floor(Date.now() / 1000)
    const created = await post('/videos', { prompt: 'A cat playing piano' })
    expect(created.status).toBe(200)
    expect(created.json).toEqual({
      id: expect.stringMatching(/^video_[0-9a-f]{32}$/),
      object: 'video',
      model: 'sora-2',
      status: expect.stringMatching(/^(queued|in_progress)$/),
      progress: expect.any(Number),
      created_at: expect.any(Number),
      completed_at: null,
      expires_at: null,
      prompt: 'A cat playing piano',
      size: '640x360',
      seconds: '4',
      remixed_from_video_id: null,
      error: null,
    })
    const video = await endOf(sandbox, created.json.id)
    expect(Object.keys(video)).toHaveLength(13)
    expect(video).toMatchObject({ status: 'completed', progress: 100, error: null })
    expect(video.completed_at).toBeGreaterThanOrEqual(before)
    expect(video.expires_at).toBeGreaterThanOrEqual(video.completed_at + 3_599)
    const { baseUrl, apiKey } = sandbox.videosApi
    const response = await fetch(`${baseUrl}/videos/${video.id}/content`, {
      headers: { authorization: `Bearer ${apiKey}` },
    })
    expect(response.headers.get('content-type')).toBe('video/mp4')
    const bytes = new Uint8Array(await response.arrayBuffer())
    expect(await inspectMp4(bytes)).toMatchObject({ codec: 'avc', width: 640, height: 360, durationSeconds: 4 })
  })

  it('takes a form with a file, and keeps the file in the log', async () => {
    const form = new FormData()
    for (const [name, value] of Object.entries({ prompt: 'A dog', seconds: '1', size: '64x96', model: 'other' })) {
      form.set(name, value)
    }
    form.set('input_reference', new File([new Uint8Array(5)], 'first.png', { type: 'image/png' }))
    form.append('tag', 'a')
    form.append('tag', 'b')
    const { status, json } = await post('/videos', form)
    expect(status).toBe(200)
    expect(json).toMatchObject({ prompt: 'A dog', seconds: '1', size: '64x96', model: 'other' })
    expect(sandbox.requestsTo('videos.create').at(-1)?.body).toEqual({
      prompt: 'A dog',
      seconds: '1',
      size: '64x96',
      model: 'other',
      input_reference: { filename: 'first.png', mediaType: 'image/png', byteLength: 5 },
      tag: ['a', 'b'],
    })
  })

  it.each([
    ['prompt', { prompt: undefined }],
    ['prompt', { prompt: '' }],
    ['prompt', { prompt: 'x'.repeat(32_001) }],
    ['model', { model: '' }],
    ['seconds', { seconds: '0' }],
    ['seconds', { seconds: '21' }],
    ['seconds', { seconds: 4 }],
    ['size', { size: '62x64' }],
    ['size', { size: '65x64' }],
    ['size', { size: '1922x1080' }],
    ['size', { size: '1280x1082' }],
    ['size', { size: 'large' }],
    ['size', { size: 640 }],
    ['input_reference', { input_reference: 'file_1' }],
    ['input_reference', { input_reference: { image_url: 'data:text/plain,cat' } }],
    ['input_reference', { input_reference: { image_url: 'http://' } }],
    ['input_reference', { input_reference: { file_id: 'file_1' } }],
    ['input_reference', { input_reference: { filename: 'a.png', mediaType: 'image/png', byteLength: 5 } }],
  ])('refuses a wrong %s by name: %j', async (param, fields) => {
    const { status, json } = await createVideo(sandbox, fields)
    expect(status).toBe(400)
    expect(json).toEqual({
      error: { message: expect.stringContaining(param), type: 'invalid_request_error', param, code: 'invalid_value' },
    })
  })

  it.each([
    [{ image_url: 'data:image/png;base64,iVBORw0KGgo=' }],
    [{ image_url: 'https://images.example/a.png' }],
    [null],
  ])('takes the reference %j', async (reference) => {
    expect((await createVideo(sandbox, { input_reference: reference })).status).toBe(200)
  })

  it.each([
    ['720x1280', 200],
    ['1920x1080', 200],
    ['64x64', 200],
  ])('takes the size %s', async (size, status) => {
    const created = await createVideo(sandbox, { size, prompt: `generation-failed ${size}` })
    expect(created.status).toBe(status)
  })

  it('refuses a file that is not an image, and takes the address of one', async () => {
    const form = (name: string, value: string | File) => {
      const fields = new FormData()
      fields.set('prompt', 'generation-failed')
      fields.set(name, value)
      return fields
    }
    const text = new File(['x'], 'a.txt', { type: 'text/plain' })
    expect((await post('/videos', form('input_reference', text))).json.error.param).toBe('input_reference')
    const empty = new File([], 'a.png', { type: 'image/png' })
    expect((await post('/videos', form('input_reference', empty))).json.error.param).toBe('input_reference')
    expect((await post('/videos', form('input_reference[image_url]', 'nothing'))).status).toBe(400)
    expect((await post('/videos', form('input_reference[image_url]', 'https://a.example/a.png'))).status).toBe(200)
  })

  it.each([
    ['application/json', '[1]'],
    ['application/json', '{"prompt":'],
    ['multipart/form-data; boundary=x', 'no form'],
    ['text/plain', 'A cat'],
    ['application/json', ''],
  ])('refuses a body of %s that is %j', async (type, body) => {
    const { baseUrl, apiKey } = sandbox.videosApi
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': type }
    const response = await fetch(`${baseUrl}/videos`, { method: 'POST', headers, body })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_body' } })
  })

  it('gives the same job for the same idempotency key, and refuses another request under it', async () => {
    const headers = { 'idempotency-key': 'key_1' }
    const first = await createVideo(sandbox, {}, headers)
    const again = await createVideo(sandbox, {}, headers)
    expect(again.json.id).toBe(first.json.id)
    const other = await createVideo(sandbox, { prompt: 'A dog' }, headers)
    expect([other.status, other.json.error.code]).toEqual([422, 'idempotency_key_reused'])
    await callVideosApi(sandbox, `/videos/${first.json.id}`, { method: 'DELETE' })
    expect((await createVideo(sandbox, {}, headers)).json.id).not.toBe(first.json.id)
  })

  it('fails a job with the upstream word for it', async () => {
    const created = await createVideo(sandbox, { prompt: 'a moderation-blocked cat' })
    const video = await endOf(sandbox, created.json.id)
    expect(video.error.code).toBe('moderation_blocked')
    expect((await callVideosApi(sandbox, `/videos/${video.id}/content`)).json.error.code).toBe('video_failed')
  })
})

describe('authorization', () => {
  it('answers a missing and a wrong key in the same way, everywhere', async () => {
    const paths = ['/videos', '/videos/video_1', '/videos/video_1/content']
    const answers = paths.flatMap((path) => {
      return [undefined, 'Bearer wrong', sandbox.videosApi.apiKey].map(async (authorization) => {
        const headers: Record<string, string> = authorization === undefined ? {} : { authorization }
        const response = await fetch(`${sandbox.videosApi.baseUrl}${path}`, { headers })
        return `${response.status} ${await response.text()}`
      })
    })
    const distinct = new Set(await Promise.all(answers))
    expect(distinct.size).toBe(1)
    expect([...distinct][0]).toMatch(/^401 .*"code":"invalid_api_key"/)
  })

  it('answers an unknown operation with 404', async () => {
    const { status, json } = await callVideosApi(sandbox, '/videos', { method: 'PUT' })
    expect([status, json.error.message]).toEqual([404, 'Invalid URL (PUT /v1/videos)'])
    expect(sandbox.requests.at(-1)?.endpoint).toBe('unknown')
  })
})

describe('list', () => {
  it('pages in both directions', async () => {
    const own = await startSandbox()
    try {
      const empty = await callVideosApi(own, '/videos')
      expect(empty.json).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false })
      const ids: string[] = []
      for (let index = 0; index < 5; index += 1) {
        const { json } = await createVideo(own)
        expect(json).toMatchObject({ status: 'queued', progress: 0 })
        ids.push(json.id)
      }
      const page = async (query: string) => {
        const { json } = await callVideosApi(own, `/videos?${query}`)
        expect([json.first_id, json.last_id]).toEqual([json.data[0]?.id ?? null, json.data.at(-1)?.id ?? null])
        return { positions: json.data.map(({ id }) => ids.indexOf(id)), hasMore: json.has_more }
      }
      expect(await page('')).toEqual({ positions: [4, 3, 2, 1, 0], hasMore: false })
      expect(await page('limit=2')).toEqual({ positions: [4, 3], hasMore: true })
      expect(await page(`limit=2&order=asc&after=${ids[1]}`)).toEqual({ positions: [2, 3], hasMore: true })
      expect(await page(`limit=2&order=asc&after=${ids[3]}`)).toEqual({ positions: [4], hasMore: false })
      expect(await page('limit=0')).toEqual({ positions: [], hasMore: true })
    } finally {
      await own.close()
    }
  })

  it.each(['limit=101', 'limit=x', 'order=up', 'after=video_0'])('refuses %s', async (query) => {
    const { status, json } = await callVideosApi(sandbox, `/videos?${query}`)
    expect([status, json.error.param]).toEqual([400, query.split('=')[0]])
  })
})

describe('content, delete and remix', () => {
  it('serves ranges and HEAD of a finished video', async () => {
    const { json } = await createVideo(sandbox)
    await endOf(sandbox, json.id)
    const path = `/videos/${json.id}/content`
    const head = await callVideosApi(sandbox, path, { method: 'HEAD' })
    expect([head.status, head.headers.get('accept-ranges')]).toEqual([200, 'bytes'])
    const part = await callVideosApi(sandbox, path, { headers: { range: 'bytes=4-7' } })
    expect([part.status, part.json]).toEqual([206, 'ftyp'])
    expect(part.headers.get('content-range')).toBe(`bytes 4-7/${head.headers.get('content-length')}`)
    expect((await callVideosApi(sandbox, `${path}?variant=thumbnail`)).headers.get('content-type')).toBe('image/webp')
    expect((await callVideosApi(sandbox, `${path}?variant=poster`)).json.error.param).toBe('variant')
  })

  it('has no content and no remix of a job that runs, and deletes one', async () => {
    const { json } = await createVideo(sandbox, { seconds: '20', size: '640x360' })
    expect((await callVideosApi(sandbox, `/videos/${json.id}/content`)).json.error.code).toBe('video_not_ready')
    expect((await post(`/videos/${json.id}/remix`, { prompt: 'x' })).json.error.code).toBe('video_not_completed')
    const deleted = await callVideosApi(sandbox, `/videos/${json.id}`, { method: 'DELETE' })
    expect(deleted.json).toEqual({ id: json.id, object: 'video.deleted', deleted: true })
    const gone = await callVideosApi(sandbox, `/videos/${json.id}`)
    expect([gone.status, gone.json.error.code]).toEqual([404, 'video_not_found'])
  })

  it('remixes a finished video', async () => {
    const { json } = await createVideo(sandbox, { model: 'other' })
    await endOf(sandbox, json.id)
    const remixed = await post(`/videos/${json.id}/remix`, { prompt: 'A dog' })
    expect(remixed.json).toMatchObject({
      prompt: 'A dog',
      model: 'other',
      size: '64x64',
      remixed_from_video_id: json.id,
    })
    expect((await post(`/videos/${json.id}/remix`, {})).json.error.param).toBe('prompt')
    expect((await post(`/videos/${json.id}/remix`, [])).json.error.code).toBe('invalid_body')
  })

  it('lets the content expire after an hour', async () => {
    let now = 0
    const video = { bytes: new Uint8Array(1) }
    const state = () => ({ status: 'completed', video: video.bytes, completedAt: 0 }) as const
    const job = { id: 'video_1', prompt: 'x', model: 'm', seconds: '1', size: '64x64', createdAt: 0, state }
    const jobs = { create: () => job, find: () => job, list: () => [job], delete: () => {} }
    const route = videosApi({ jobs, apiKey: 'k', now: () => now })('GET', '/v1/videos/video_1/content', {})
    const headers = { authorization: 'Bearer k' }
    const ask = () =>
      route?.handle({
        method: 'GET',
        pathname: '',
        query: new URLSearchParams(),
        headers,
        body: undefined,
        chunks: ReadableStream.from<Uint8Array>([]),
        signal: new AbortController().signal,
      })
    expect(await ask()).toMatchObject({ status: 200 })
    now = 3_600_000
    expect(await ask()).toMatchObject({ status: 404 })
  })
})

it('sends when to poll again only on request, and only for a job that runs', async () => {
  const polite = await startSandbox({ speed: 60, pollAfterMs: 1234 })
  try {
    const created = await createVideo(polite)
    expect(created.headers.get('openai-poll-after-ms')).toBe('1234')
    await endOf(polite, created.json.id)
    const ended = await callVideosApi(polite, `/videos/${created.json.id}`)
    expect(ended.headers.get('openai-poll-after-ms')).toBeNull()
  } finally {
    await polite.close()
  }
  expect((await createVideo(sandbox)).headers.get('openai-poll-after-ms')).toBeNull()
})
