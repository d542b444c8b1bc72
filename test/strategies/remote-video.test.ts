import { describe, expect, it } from 'vitest'
import { memoryVideo, type RemoteVideoOptions, remoteVideo } from '../../src/strategies/index.js'
import { manualClock } from '../../src/testing/index.js'
import { loopbackServer, type SeenRequest, videoBytes } from '../upstream/loopback-server.js'

const bytes = videoBytes(1_000)
const KEY = 'opaque-0123456789'

function videoServer() {
  return loopbackServer((_, response) => {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': String(bytes.length) }).end(bytes)
  })
}

async function read(source: ReturnType<typeof remoteVideo>): Promise<Buffer> {
  return Buffer.from(await new Response(await source.open()).arrayBuffer())
}

const keysOf = (seen: readonly SeenRequest[]) => seen.map(({ headers }) => headers.authorization)

describe('remoteVideo', () => {
  it('opens a video with the key of its API, which is not public then', async () => {
    const { origin, seen } = await videoServer()
    const source = remoteVideo(`${origin}/v1/videos/1/content`, { baseUrl: `${origin}/v1`, apiKey: async () => KEY })
    expect(source.isPublic).toBe(false)
    expect(await read(source)).toEqual(bytes)
    expect(source).toMatchObject({ byteLength: 1_000, mediaType: 'video/mp4' })
    expect(keysOf(seen)).toEqual([`Bearer ${KEY}`])
  })

  it('sends the key to no other origin, which also has to be public', async () => {
    const { origin, seen } = await videoServer()
    const options = { baseUrl: 'https://api.example/v1', apiKey: KEY, headers: { 'x-key': KEY }, isPublic: true }
    await expect(remoteVideo(origin, options).open()).rejects.toMatchObject({ code: 'network' })
    expect(seen).toEqual([])
    expect(await read(remoteVideo(origin, { ...options, allowPrivateAddresses: ['127.0.0.1'] }))).toEqual(bytes)
    expect(keysOf(seen)).toEqual([undefined])
    expect(seen[0]?.headers).not.toHaveProperty('x-key')
  })

  it('is public without a key, and withholds a URL that is a key', () => {
    const url = 'https://cdn.example/a.mp4'
    expect(remoteVideo(url, { expiresAt: 7, mediaType: 'video/webm' })).toMatchObject({
      url,
      isPublic: true,
      expiresAt: 7,
      mediaType: 'video/webm',
    })
    expect(remoteVideo(url, { isUrlSecret: true, isPublic: false })).not.toHaveProperty('url')
  })

  it('waits on the given clock for a video that is not ready', async () => {
    const waits: number[] = []
    const clock = { ...manualClock(), sleep: async (ms: number) => void waits.push(ms) }
    const { origin } = await loopbackServer((_, response) => response.writeHead(404).end())
    const opening = remoteVideo(origin, { clock, allowPrivateAddresses: true }).open()
    await expect(opening).rejects.toMatchObject({ status: 404 })
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000])
  })

  it('names every option that cannot work', () => {
    const wrong: [string, RemoteVideoOptions, string][] = [
      ['a.mp4', {}, 'url is "a.mp4"'],
      [
        'https://cdn.example',
        { apiKey: KEY },
        'baseUrl is nothing (give the address of the API that the key belongs to)',
      ],
      ['https://cdn.example', { baseUrl: 'nowhere' }, 'baseUrl is "nowhere"'],
      ['https://cdn.example', { timeoutMs: 0 }, 'timeoutMs is 0'],
      ['https://cdn.example', { allowPrivateAddresses: ['a b'] }, 'allowPrivateAddresses[0] is "a b"'],
    ]
    for (const [url, options, problem] of wrong) {
      expect(() => remoteVideo(url, options)).toThrow(`Could not configure remoteVideo: ${problem}`)
    }
  })
})

it('memoryVideo gives the bytes of an answer', async () => {
  expect(await read(memoryVideo(bytes))).toEqual(bytes)
  expect(memoryVideo(bytes, { mediaType: 'video/webm' })).toMatchObject({ mediaType: 'video/webm', isPublic: false })
  expect(() => memoryVideo('AAAA' as never)).toThrow(
    'Could not configure memoryVideo: bytes is "AAAA" (give a Uint8Array',
  )
})
