import { describe, expect, test } from 'vitest'
import { toErrorJson } from '../../../src/contracts/errors.js'
import { type VideosApiGeneratorOptions, videosApiGenerator } from '../../../src/strategies/index.js'
import { allClosed, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { stageContext } from '../../upstream/stage-context.js'

const KEY = 'canary-key-1'
const WEBP = Buffer.from('UklGRi4AAABXRUJQVlA4ICIAAABwAQCdASoQAAkAAsBMJZACdAFAAAD+8Gyvt5n7ka5+uAAA', 'base64')
const LOOPBACK = { allowPrivateAddresses: ['127.0.0.1'] }

type Reply = Parameters<Awaited<ReturnType<typeof loopbackServer>>['seen']['push']>[0]
type Response = Parameters<Parameters<typeof loopbackServer>[0]>[1]

async function pictureOf(
  reply: (response: Response, sent: Reply) => unknown,
  options: Partial<VideosApiGeneratorOptions> = {},
  query = '',
) {
  const server = await loopbackServer((sent, response) => reply(response, sent))
  const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1${query}`, apiKey: KEY, ...options })
  const given = generator.openVariant?.({ id: 'v 1' }, 'thumbnail', stageContext())
  const outcome = await given?.then(
    (source) => ({ source }),
    (error: unknown) => ({ error: toErrorJson(error) }),
  )
  return { server, source: undefined, error: undefined, ...outcome }
}

describe('a picture of a video', () => {
  test('is read from the place of the video, with the key', async () => {
    const { server, source } = await pictureOf((response) => response.end(WEBP))
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /v1/videos/v%201/content?variant=thumbnail',
    ])
    expect(server.seen[0]?.headers).toMatchObject({ authorization: `Bearer ${KEY}` })
    expect(source).toMatchObject({ mediaType: 'image/webp', byteLength: WEBP.byteLength, isPublic: false })
    expect(Buffer.from(await new Response(await source?.open({ offset: 8 })).arrayBuffer())).toEqual(WEBP.subarray(8))
  })

  test('keeps the query of baseUrl', async () => {
    const { server } = await pictureOf((response) => response.end(WEBP), {}, '?tenant=a')
    expect(server.seen[0]?.url).toBe('/v1/videos/v%201/content?tenant=a&variant=thumbnail')
  })

  test('is recognised by its bytes, also in many small parts', async () => {
    const { source } = await pictureOf(async (response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      for (const byte of WEBP) {
        response.write(Buffer.of(byte))
        await new Promise((resolve) => setImmediate(resolve))
      }
      response.end()
    })
    expect(source).toMatchObject({ mediaType: 'image/webp', byteLength: WEBP.byteLength })
  })

  test.each([204, 400, 404, 405, 409, 410, 422, 501])('that is answered with %d does not exist', async (status) => {
    const { source, error } = await pictureOf((response) => response.writeHead(status).end('{"error":{}}'))
    expect([source, error]).toEqual([undefined, undefined])
  })

  test.each(['video/mp4', 'application/octet-stream'])(
    'does not exist at a server that sends the video as %s, of which little is read',
    async (type) => {
      let sent = 0
      const { server, source, error } = await pictureOf((response) => {
        response.writeHead(200, { 'content-type': type, 'content-length': String(2 ** 31) })
        const push = () => {
          const chunk = sent === 0 ? videoBytes(65_536) : Buffer.alloc(65_536)
          sent += chunk.byteLength
          if (response.write(chunk)) setImmediate(push)
          else response.once('drain', push)
        }
        push()
      })
      expect([source, error]).toEqual([undefined, undefined])
      await allClosed(server)
      expect(sent).toBeLessThan(20_000_000)
    },
  )

  test.each([
    [401, 'authentication'],
    [403, 'authentication'],
    [429, 'rate-limited'],
    [500, 'upstream-http'],
    [503, 'overloaded'],
  ])('that is answered with %d is an error without the key', async (status, code) => {
    const { source, error } = await pictureOf((response) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ error: { message: `failed for ${KEY}` } }))
    })
    expect([source, error?.code]).toEqual([undefined, code])
    expect(JSON.stringify(error)).not.toContain(KEY)
  })

  test.each(['<html>sign in</html>', '{"error":{"code":"unsupported_variant"}}', ''])('is not %j', async (text) => {
    const { source, error } = await pictureOf((response) => response.end(text))
    expect([source, error]).toEqual([undefined, undefined])
  })

  test('is never a part of one', async () => {
    const { error } = await pictureOf((response) => {
      response.writeHead(206, { 'content-range': `bytes 0-${WEBP.byteLength - 1}/9999` }).end(WEBP)
    })
    expect(error).toMatchObject({ code: 'upstream-response', message: /sent a part, which was not requested$/ })
  })

  test('is at most 20 MiB', async () => {
    const { error } = await pictureOf((response) => {
      response.write(WEBP)
      response.end(Buffer.alloc(20 * 2 ** 20))
    })
    expect(error).toMatchObject({ code: 'upstream-response', message: /more than 20971520 bytes/ })
  })

  test('comes without the key from another origin', async () => {
    const cdn = await loopbackServer((_, response) => response.end(WEBP))
    const { source } = await pictureOf(
      (response) => response.writeHead(302, { location: `${cdn.origin}/a.webp` }).end(),
      LOOPBACK,
    )
    expect(source?.byteLength).toBe(WEBP.byteLength)
    expect(cdn.seen[0]?.headers).not.toHaveProperty('authorization')
  })

  test('does not come from a private address that the server names', async () => {
    const inside = await loopbackServer((_, response) => response.end(WEBP))
    const { error } = await pictureOf((response) =>
      response.writeHead(302, { location: `${inside.origin}/a.webp` }).end(),
    )
    expect(error?.code).toBe('network')
    expect(inside.seen).toEqual([])
  })

  test('has a time limit', async () => {
    const { error } = await pictureOf((response) => response.write(WEBP.subarray(0, 20)), { timeoutMs: 200 })
    expect(error).toMatchObject({ code: 'network', message: /the thumbnail: 127.0.0.1:\d+ .*200 ms/ })
  })
})
