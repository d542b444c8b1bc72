import { describe, expect, test } from 'vitest'
import { type RemoteVideoOptions, remoteVideo } from '../../src/upstream/remote-video.js'
import { maskOf } from '../../src/upstream/secret.js'
import { type LoopbackServer, loopbackServer, videoBytes } from './loopback-server.js'
import { instantClock, readAll, rejection } from './stage-context.js'

const VIDEO = videoBytes(1_000)
const MP4 = { 'content-type': 'video/mp4' }
const JSON_TYPE = { 'content-type': 'application/json' }
const PENDING_MS = 300_000

interface Miss {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A server that answers so for `misses` times, and then with the video. */
async function serverOf({ status, headers = {}, body = '' }: Miss, misses: number): Promise<LoopbackServer> {
  const server = await loopbackServer((_, response) => {
    const isMiss = server.seen.length <= misses
    if (isMiss) return response.writeHead(status, headers).end(body)
    return response.writeHead(200, MP4).end(VIDEO)
  })
  return server
}

function sourceAt(url: string, more: Partial<RemoteVideoOptions> = {}) {
  const credentials = {
    origin: new URL(url).origin,
    get: async () => ({ headers: {}, secrets: [], mask: maskOf([]) }),
  }
  return remoteVideo({ url, isPublic: false, credentials, clock: instantClock(), timeoutMs: 2_000, ...more })
}

const total = (waits: readonly number[]) => waits.reduce((sum, wait) => sum + wait, 0)

describe('a video whose server announces that it is not ready', () => {
  const ANSWERS: readonly Miss[] = [
    { status: 202 },
    { status: 202, headers: JSON_TYPE, body: '{"id":"v"}' },
    { status: 204 },
    { status: 200, headers: JSON_TYPE, body: '{"detail":"not ready"}' },
    { status: 200, headers: JSON_TYPE, body: '{"status":"processing","progress":98}' },
    {
      status: 200,
      headers: JSON_TYPE,
      body: '{"error":{"message":"Video is not ready yet","code":"video_not_ready"}}',
    },
    { status: 200, headers: JSON_TYPE, body: '{"code":1,"message":"视频生成中，请稍后"}' },
    { status: 200, headers: { 'content-type': 'text/plain' }, body: 'Video is still being generated' },
    { status: 425 },
    { status: 404, body: '{"detail":"Generation is still in-progress"}' },
    { status: 409, body: '{"error":{"message":"Video is not ready"}}' },
    { status: 400, body: '{"error":{"message":"video is not completed yet"}}' },
    { status: 404, headers: { 'retry-after': '5' } },
    { status: 423, body: 'the video is being prepared' },
  ]

  test.each(ANSWERS)('is waited for and then read: %j', async (answer) => {
    const server = await serverOf(answer, 12)
    const clock = instantClock()
    expect((await readAll(await sourceAt(server.origin, { clock }).open())).equals(VIDEO)).toBe(true)
    expect(total(clock.waits)).toBeGreaterThan(60_000)
    expect(total(clock.waits)).toBeLessThan(PENDING_MS)
  })

  test.each(ANSWERS)('is given up after five minutes with an error: %j', async (answer) => {
    const server = await serverOf(answer, 999)
    const clock = instantClock()
    const error = await rejection(sourceAt(server.origin, { clock }).open())
    expect(error).toMatchObject({ message: expect.stringMatching(/^Could not download the video: 127\.0\.0\.1/) })
    expect(total(clock.waits)).toBeGreaterThan(PENDING_MS - 20_000)
    expect(total(clock.waits)).toBeLessThanOrEqual(PENDING_MS)
    if (answer.status < 300) expect(error).toMatchObject({ message: expect.stringContaining('not ready') })
  })

  test('is waited for as long as Retry-After requires', async () => {
    const server = await serverOf({ status: 202, headers: { 'retry-after': '40' } }, 2)
    const clock = instantClock()
    await readAll(await sourceAt(server.origin, { clock }).open())
    expect(clock.waits).toEqual([40_000, 40_000])
  })

  test('is waited for until the caller aborts', async () => {
    const server = await serverOf({ status: 202 }, 999)
    const controller = new AbortController()
    const clock = instantClock()
    const sleep = async (ms: number) => {
      if (clock.waits.length === 3) controller.abort('late')
      controller.signal.throwIfAborted()
      await clock.sleep(ms)
    }
    const opening = sourceAt(server.origin, { clock: { ...clock, sleep } }).open({ signal: controller.signal })
    expect(await rejection(opening)).toBe('late')
    expect(server.seen).toHaveLength(4)
  })
})

test('another server than that of the job has a minute', async () => {
  const server = await serverOf({ status: 202 }, 999)
  const clock = instantClock()
  const more = { credentials: undefined, allowPrivateAddresses: true, clock }
  expect(await rejection(sourceAt(server.origin, more).open())).toMatchObject({ status: 202 })
  expect(total(clock.waits)).toBe(47_500)
})

describe('a video that is missing', () => {
  test('on its own server is waited for up to a minute: the end of a job may come before its file', async () => {
    const server = await serverOf({ status: 404, body: '{"error":{"message":"Not found"}}' }, 999)
    const clock = instantClock()
    expect(await rejection(sourceAt(server.origin, { clock }).open())).toMatchObject({ status: 404 })
    expect(clock.waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000])
  })

  test('behind an address that is named in JSON is waited for as well', async () => {
    const store = await serverOf({ status: 404 }, 2)
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, JSON_TYPE).end(JSON.stringify({ url: `${store.origin}/a.mp4` }))
    })
    const clock = instantClock()
    const source = sourceAt(server.origin, { clock, allowPrivateAddresses: true })
    expect((await readAll(await source.open())).equals(VIDEO)).toBe(true)
    expect(clock.waits).toEqual([500, 1_000])
  })

  test.each<Miss>([
    { status: 200, headers: JSON_TYPE, body: '{"status":"failed","message":"not ready"}' },
    { status: 200, headers: JSON_TYPE, body: '{"detail":"no"}' },
    { status: 410, body: 'not ready' },
    { status: 403, body: 'not ready' },
  ])('for good is not waited for: %j', async (answer) => {
    const server = await serverOf(answer, 999)
    const clock = instantClock()
    await rejection(sourceAt(server.origin, { clock }).open())
    expect(clock.waits).toEqual([])
  })
})
