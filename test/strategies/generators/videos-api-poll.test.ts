import { describe, expect, it, test } from 'vitest'
import type { VideoRequest } from '../../../src/contracts/request.js'
import { type VideosApiGeneratorOptions, videosApiGenerator } from '../../../src/strategies/index.js'
import { json, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { readAll, rejection, stageContext } from '../../upstream/stage-context.js'

const QUEUED = { id: 'v_1', object: 'video', status: 'queued', progress: 0 }
const request: VideoRequest = { prompt: 'A cat' }

const at = (origin: string, options: Partial<VideosApiGeneratorOptions> = {}) =>
  videosApiGenerator({ baseUrl: `${origin}/v1`, apiKey: 'canary-key-1', ...options })

describe('a poll', () => {
  const poll = async (
    body: unknown,
    headers: Record<string, string> = {},
    options: Partial<VideosApiGeneratorOptions> = {},
  ) => {
    const server = await loopbackServer(json(200, body, headers))
    const text = (await at(server.origin, options).poll({ id: 'v_1' }, stageContext())) as { phase?: string }
    return text
  }

  test('reports its progress and when to poll again', async () => {
    expect(await poll({ status: 'in_progress', progress: 250 }, { 'openai-poll-after-ms': '700' })).toEqual({
      state: 'running',
      ratio: 1,
      phase: 'in_progress',
      pollAfterMs: 700,
    })
    expect(await poll({ status: 'pending' }, { 'retry-after': '3' })).toEqual({
      state: 'queued',
      phase: 'pending',
      pollAfterMs: 3_000,
    })
  })

  test('treats an unknown state as running, and keeps the word short and clean', async () => {
    expect(await poll({ status: `processing_2 canary-key-1 ${'x'.repeat(99)}` })).toMatchObject({
      state: 'running',
      phase: expect.stringMatching(/^processing_2 \[redacted\] x{36}$/),
    })
    await expect(poll({ status: null })).rejects.toThrow('it describes no job')
    expect(await poll({ id: 'video_1', status: null })).toEqual({ state: 'running' })
    expect(await poll({ id: 'video_1', error: 'broken' })).toMatchObject({ state: 'failed' })
  })

  test.each(['cancelled', 'expired', 'rejected', 'Request Moderated'])('%s ends the job', async (status) => {
    expect(await poll({ status })).toMatchObject({ state: 'failed' })
  })

  test('waits a little for a server that reports completed and names no video, then tries /content', async () => {
    const server = await loopbackServer(json(200, { id: 'v_1', status: 'completed' }))
    const generator = at(server.origin)
    const states = []
    for (let count = 0; count < 4; count += 1) states.push(await generator.poll({ id: 'v_1' }, stageContext()))
    expect(states.slice(0, 3)).toEqual(Array(3).fill({ state: 'running', phase: 'completed', pollAfterMs: 2_000 }))
    expect(states[3]).toMatchObject({
      state: 'completed',
      video: { source: { url: `${server.origin}/v1/videos/v_1/content` } },
    })
  })

  test.each([
    [{ object: 'video' }],
    [{ object: 'video', progress: 100, url: null, error: null }],
    [{ object: 'video', url: '' }],
  ])("reads /content at once of a completed job in OpenAI's own form: %j", async (body) => {
    const server = await loopbackServer(json(200, { id: 'v_1', status: 'completed', ...body }))
    expect(await at(server.origin).poll({ id: 'v_1' }, stageContext())).toMatchObject({
      state: 'completed',
      video: { source: { url: `${server.origin}/v1/videos/v_1/content` } },
    })
  })

  test.each([
    { url: 'https://cdn.example/a.mp4' },
    { metadata: { url: 'https://cdn.example/a.mp4' } },
    { object: 'video', url: 'https://cdn.example/a.mp4' },
  ])('reads the address that a server adds after it reported completed: %j', async (late) => {
    let polls = 0
    const server = await loopbackServer((_, response) => {
      polls += 1
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ id: 'v_1', status: 'completed', ...(polls > 2 && late) }))
    })
    const generator = at(server.origin)
    for (const state of ['running', 'running', 'completed']) {
      expect(await generator.poll({ id: 'v_1' }, stageContext())).toMatchObject({ state })
    }
    const { video } = (await generator.poll({ id: 'v_1' }, stageContext())) as { video: { url?: string } }
    expect(video.url).toBe('https://cdn.example/a.mp4')
  })

  test('polls at the address of the server, but only on its own origin and without the key', async () => {
    const answers = [
      ['{origin}/v2/jobs/1?a=b', '/v2/jobs/1?a=b'],
      ['https://evil.example/jobs/1', '/v1/videos/v_1'],
      ['{origin}/v2/jobs/1?key=canary-key-1', '/v1/videos/v_1'],
      ['http://', '/v1/videos/v_1'],
    ]
    for (const [pollingUrl = '', path] of answers) {
      const server = await loopbackServer((_, response) => {
        response.end(JSON.stringify({ ...QUEUED, polling_url: pollingUrl.replace('{origin}', server.origin) }))
      })
      const { operation } = await at(server.origin).start(request, stageContext())
      await at(server.origin).poll(operation, stageContext())
      expect(server.seen[1]?.url).toBe(path)
      expect(JSON.stringify(operation)).not.toContain('canary')
    }
    const server = await loopbackServer(json(200, { ...QUEUED, id: 'a/b' }))
    await at(server.origin).poll({ id: 'a/b', pollUrl: 'https://evil.example/' }, stageContext())
    expect(server.seen[0]?.url).toBe('/v1/videos/a%2Fb')
  })

  test.each([
    [{ status: 'failed', id: 'v_1' }, true],
    [{ status: 'failed', object: 'video' }, true],
    [{ status: 'failed', created_at: 1 }, true],
    [{ status: 'failed' }, false],
    [{ status: 'queued', id: 'v_1' }, false],
    [{ status: 'failed', id: 'v_2' }, false],
    [{ id: 'v_1', object: 'video' }, false],
  ])('a 500 with %j is a verdict on the job: %s', async (body, isVerdict) => {
    const server = await loopbackServer(json(500, body))
    const polled = at(server.origin).poll({ id: 'v_1' }, stageContext())
    if (isVerdict) expect(await polled).toMatchObject({ state: 'failed' })
    else expect(await rejection(polled)).toMatchObject({ status: 500 })
  })

  test.each([404, 429, 500])('a %i rejects with its own class', async (status) => {
    const server = await loopbackServer(json(status, { detail: 'x' }))
    expect(await rejection(at(server.origin).poll({ id: 'v' }, stageContext()))).toMatchObject({ status })
  })

  test.each([500, 503, 422, 400, 404])('a %i with the failed job as its body is a verdict', async (status) => {
    const body = { id: 'v', object: 'video', status: 'failed', error: { code: status, message: 'Out of memory' } }
    const server = await loopbackServer(json(status, body))
    expect(await at(server.origin).poll({ id: 'v' }, stageContext())).toMatchObject({
      state: 'failed',
      error: { code: 'generation-failed', message: expect.stringContaining('Out of memory') },
    })
  })

  test.each([
    { status: 'error', message: 'database is locked' },
    { id: 'w', object: 'video', status: 'failed', error: 'x' },
    { detail: 'Internal Server Error' },
    { id: 'v', status: 'in_progress' },
  ])('a 500 with %j is a missed poll', async (body) => {
    const server = await loopbackServer(json(500, body))
    expect(await rejection(at(server.origin).poll({ id: 'v' }, stageContext()))).toMatchObject({ status: 500 })
  })

  test.each([
    [{ id: 'w', object: 'video', status: 'completed', url: 'https://cdn.example/a.mp4' }, 'missed'],
    [{ id: 'sora-2:v', status: 'completed', url: 'https://cdn.example/a.mp4' }, 'read'],
    [{ id: 7, status: 'completed', url: 'https://cdn.example/a.mp4' }, 'read'],
    [{ id: 'req_1', task_id: 'v', status: 'completed', url: 'https://cdn.example/a.mp4' }, 'read'],
  ])('an answer about another job is a missed poll: %j is %s', async (body, how) => {
    const server = await loopbackServer(json(200, body))
    const polled = at(server.origin).poll({ id: 'v' }, stageContext())
    if (how === 'read') expect(await polled).toMatchObject({ state: 'completed' })
    else expect(await rejection(polled)).toMatchObject({ code: 'upstream-response', isRetryable: true })
  })

  test.each(['', '<html>', '[]', '{"error":"busy"}'])('an answer %j is a missed poll', async (body) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200).end(body)
    })
    const error = await rejection(at(server.origin).poll({ id: 'v' }, stageContext()))
    expect(error).toMatchObject({ code: 'upstream-response', isRetryable: true })
  })
})

describe('several addresses in one answer', () => {
  const polled = async (isDead: (path: string) => boolean) => {
    const opened: string[] = []
    const server = await loopbackServer((asked, response) => {
      if (asked.url === '/v1/videos/v') {
        const files = { url: `${server.origin}/first.mp4`, video_url: `${server.origin}/second.mp4` }
        response.end(JSON.stringify({ id: 'v', status: 'completed', ...files }))
        return
      }
      opened.push(asked.url)
      response.writeHead(isDead(asked.url) ? 410 : 200, { 'content-type': 'video/mp4' }).end(videoBytes(50))
    })
    const status = await at(server.origin, { apiKey: undefined }).poll({ id: 'v' }, stageContext())
    if (status.state !== 'completed') throw new Error(`it is ${status.state}`)
    const { video } = status
    const open = async (offset = 0) => readAll((await video.source?.open({ offset })) ?? new ReadableStream())
    return { server, opened, video, open }
  }

  it('gives the first as the URL, and reads the next where that cannot be opened', async () => {
    const { server, opened, video, open } = await polled((path) => path === '/first.mp4')
    expect(video.url).toBe(`${server.origin}/first.mp4`)
    expect(await open()).toEqual(videoBytes(50))
    await open(10)
    expect(opened).toEqual(['/first.mp4', '/second.mp4', '/second.mp4'])
  })

  it('has the type and length of the one that was opened', async () => {
    const { video, open } = await polled((path) => path === '/first.mp4')
    expect([video.source?.mediaType, video.source?.byteLength]).toEqual([undefined, undefined])
    expect(video.source).not.toHaveProperty('expiresAt')
    await open()
    expect([video.source?.mediaType, video.source?.byteLength]).toEqual(['video/mp4', undefined])
  })

  it('is left at once by an abort', async () => {
    const { opened, video } = await polled(() => true)
    const opening = video.source?.open({ signal: AbortSignal.abort('enough') })
    expect(await rejection(opening ?? Promise.resolve())).toBe('enough')
    expect(opened).toEqual([])
  })

  it('reads /content where none can be opened, and keeps to it', async () => {
    const { opened, video, open } = await polled((path) => path.endsWith('.mp4'))
    expect(await open()).toEqual(videoBytes(50))
    await open(10)
    expect(opened).toEqual(['/first.mp4', '/second.mp4', '/v1/videos/v/content', '/v1/videos/v/content'])
    expect(video.source?.isPublic).toBe(true)
  })

  it('reports why the first could not be opened when none can', async () => {
    const { open } = await polled(() => true)
    await expect(open()).rejects.toMatchObject({ status: 410, url: expect.stringContaining('first.mp4') })
  })
})

describe('where the video is', () => {
  const finished = async (body: Record<string, unknown>, options: Partial<VideosApiGeneratorOptions> = {}) => {
    const server = await loopbackServer((_, response) => {
      const text = JSON.stringify({ id: 'v_1', object: 'video', status: 'completed', ...body })
      response.end(text.replaceAll('{origin}', server.origin))
    })
    const status = await at(server.origin, options).poll({ id: 'v_1' }, stageContext())
    if (status.state !== 'completed') throw new Error(`Not completed: ${status.state}`)
    return { video: status.video, origin: server.origin }
  }

  test('an address elsewhere is public, one below the base address is behind the key', async () => {
    expect((await finished({ url: 'https://cdn.example/a' })).video).toMatchObject({
      url: 'https://cdn.example/a',
      source: { isPublic: true },
    })
    expect((await finished({ url: '{origin}/files/a.mp4' })).video.url).toMatch(/\/files\/a\.mp4$/)
    const own = (await finished({ url: '{origin}/v1/files/a.mp4' })).video
    expect([own.url, own.source?.isPublic]).toEqual([undefined, false])
    const unsigned = (await finished({ unsigned_urls: ['{origin}/out/a.mp4'] })).video
    expect([unsigned.url, unsigned.source?.isPublic]).toEqual([undefined, false])
  })

  test('an address elsewhere is opened when it is public or listed, one on the own origin always', async () => {
    const store = await loopbackServer((_, response) => response.end(videoBytes(100)))
    const open = async (url: string, allowPrivateAddresses?: readonly string[]) => {
      const { video } = await finished({ url }, { allowPrivateAddresses })
      if (video.source === undefined) throw new Error('There is no source')
      return readAll(await video.source.open())
    }
    expect(await rejection(open(`${store.origin}/a`))).toMatchObject({ code: 'network', isRetryable: false })
    expect(store.seen).toEqual([])
    expect(await open(`${store.origin}/a`, ['127.0.0.1'])).toHaveLength(100)
    // The API answers JSON there: it was requested.
    expect(await rejection(open('{origin}/files/a'))).toMatchObject({ code: 'upstream-response' })
    expect(() => at(store.origin, { allowPrivateAddresses: ['127.0.0.1/99'] })).toThrow('allowPrivateAddresses[0]')
  })

  test('without a key even /content is public', async () => {
    const { video, origin } = await finished({}, { apiKey: undefined })
    expect(video).toMatchObject({ url: `${origin}/v1/videos/v_1/content`, source: { isPublic: true } })
  })

  test('an address that carries the key is never surfaced, and passed over elsewhere', async () => {
    const own = (await finished({ url: '{origin}/files/a.mp4?key=canary-key-1' })).video
    expect([own.url, own.source?.isPublic]).toEqual([undefined, false])
    const away = await finished({
      url: 'https://cdn.example/a?key=canary-key-1',
      video_url: 'https://u:p@cdn.example/b',
    })
    expect(away.video.source?.url).toBe(`${away.origin}/v1/videos/v_1/content`)
  })

  test('an empty inline video does not count; facts are kept', async () => {
    const { video } = await finished({
      data: [{ b64_json: '=' }],
      size: '1280x720',
      seconds: '8',
      model: 'm',
      expires_at: '2026-11-23T10:00:00Z',
    })
    expect(video).toMatchObject({
      width: 1280,
      height: 720,
      durationSeconds: 8,
      model: 'm',
      expiresAt: Date.parse('2026-11-23T10:00:00Z'),
    })
    expect(video.source?.url).toContain('/content')
  })

  test('facts that are not known are absent, and those with a key in them are left out', async () => {
    const { video } = await finished({ url: 'https://cdn.example/a.mp4' })
    expect(Object.keys(video).toSorted()).toEqual(['id', 'source', 'url'])
    expect(video.source).not.toHaveProperty('expiresAt')
    const told = { model: 'canary-key-1', usage: { note: 'canary-key-1' }, width: 64, height: 48, duration: 5 }
    const { video: clean } = await finished({ ...told, expires_at: 1_800_000_000 })
    expect(clean).toMatchObject({ width: 64, height: 48, durationSeconds: 5, expiresAt: 1_800_000_000_000 })
    expect(clean.source).toMatchObject({ expiresAt: 1_800_000_000_000 })
    expect(clean).not.toHaveProperty('model')
    expect(clean).not.toHaveProperty('usage')
  })

  test('a video inside the answer is read before any address', async () => {
    const base64 = videoBytes(96).toString('base64')
    const { video } = await finished({ b64_json: base64, url: 'https://cdn.example/a' })
    expect(video.url).toBeUndefined()
    expect((await readAll((await video.source?.open()) ?? new ReadableStream())).equals(videoBytes(96))).toBe(true)
  })

  test('the content of a job behind a proxy is behind the key, other paths of that origin are not', async () => {
    const content = (await finished({ url: '{origin}/other/videos/v_1/content' })).video
    expect([content.url, content.source?.isPublic]).toEqual([undefined, false])
    const file = (await finished({ url: '{origin}/other/videos/v_1/content.mp4' })).video
    expect(file.source?.isPublic).toBe(true)
    const away = (await finished({ url: 'https://cdn.example/videos/v_1/content' })).video
    expect(away.url).toBe('https://cdn.example/videos/v_1/content')
  })

  test('a large inline video fits, one beyond the limit does not', async () => {
    const data = [{ b64_json: videoBytes(2_000_000).toString('base64') }]
    const { video } = await finished({ data })
    expect(video.source).toMatchObject({ isPublic: false, byteLength: 2_000_000, mediaType: 'video/mp4' })
    expect((await readAll((await video.source?.open()) ?? new ReadableStream())).length).toBe(2_000_000)
    expect(await rejection(finished({ data }, { maxAnswerBytes: 100_000 }))).toMatchObject({
      code: 'upstream-response',
    })
  })
})

test.each([
  [{ status: 'error', code: 429, message: 'Too many requests, slow down' }, 'rate-limited'],
  [{ status: 'error', message: 'rate limit exceeded' }, 'rate-limited'],
  [{ status: 'error', error: { code: 'UNAUTHENTICATED', message: 'token expired' } }, 'authentication'],
  [{ status: 'fail', code: 503, message: 'service temporarily unavailable' }, 'overloaded'],
])('an answer to a poll that names no job and refuses the poll (%j) is no failure of the job', async (body, code) => {
  const server = await loopbackServer(json(200, body))
  const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1` })
  await expect(generator.poll({ id: 'v_1' }, stageContext())).rejects.toMatchObject({ code })
})

test('a job that failed for such a reason has failed', async () => {
  const server = await loopbackServer(
    json(200, { id: 'v_1', status: 'failed', error: { message: 'rate limit exceeded' } }),
  )
  const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1` })
  await expect(generator.poll({ id: 'v_1' }, stageContext())).resolves.toMatchObject({ state: 'failed' })
})
