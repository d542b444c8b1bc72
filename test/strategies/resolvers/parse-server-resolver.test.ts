import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type ParseServerResolverOptions, parseServerResolver } from '../../../src/strategies/index.js'
import { eventually } from '../../support/eventually.js'
import { json, type LoopbackServer, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'

const SECRET = 'canary-parse-token'
const VIDEO = videoBytes(2_000)
const input = { video: { id: 'gen 1', url: 'https://a.example/a' }, publication: { id: 's_1' } }
const at = ({ origin }: LoopbackServer, options: Partial<ParseServerResolverOptions> = {}) =>
  parseServerResolver({ baseUrl: origin, token: SECRET, allowPrivateAddresses: ['127.0.0.1'], ...options })
const says = (body: unknown, status = 200) => loopbackServer(json(status, body))
const withVideo = (type = 'video/mp4') =>
  loopbackServer((sent, response) => {
    if (sent.method === 'POST') {
      const link = `http://${sent.headers.host}/files/1.mp4`
      return response.end(JSON.stringify({ download_link: link }))
    }
    return response.writeHead(200, { 'content-type': type, 'content-length': VIDEO.length }).end(VIDEO)
  })

describe('resolve', () => {
  test('sends the share link and the token, and proves the link', async () => {
    const server = await withVideo()
    for (const baseUrl of [server.origin, `${server.origin}/`]) {
      expect(await at(server, { baseUrl }).resolve(input, stageContext())).toEqual({
        url: `${server.origin}/files/1.mp4`,
        mediaType: 'video/mp4',
        byteLength: 2_000,
      })
    }
    expect(server.seen.map(({ method, url }) => `${method} ${url}`)).toEqual(
      Array(2).fill(['POST /get-sora-link', 'HEAD /files/1.mp4']).flat(),
    )
    expect(JSON.parse(String(server.seen[0]?.body))).toEqual({ url: 'https://sora.chatgpt.com/p/s_1', token: SECRET })
    expect(server.seen[0]?.headers.authorization).toBeUndefined()
  })

  test('takes a share link of another place, and sends no token when none is given', async () => {
    const server = await withVideo()
    await at(server, { token: undefined, shareUrl: 'https://share.example/{videoId}' }).resolve(
      { video: input.video },
      stageContext(),
    )
    expect(JSON.parse(String(server.seen[0]?.body))).toEqual({ url: 'https://share.example/gen%201' })
  })

  test('proves nothing when proof is switched off', async () => {
    const server = await says({ download_link: 'https://cdn.example/1.mp4' })
    const resolver = at(server, { prove: false, name: 'mine', label: 'Mine', token: async () => SECRET })
    expect(await resolver.resolve(input, stageContext())).toEqual({ url: 'https://cdn.example/1.mp4' })
    expect(resolver).toMatchObject({ name: 'mine', label: 'Mine' })
  })

  test('a link to something else is refused', async () => {
    expect(await rejection(at(await withVideo('text/html')).resolve(input, stageContext()))).toMatchObject({
      code: 'upstream-response',
    })
  })

  test('needs a publication', async () => {
    const server = await withVideo()
    expect(await rejection(at(server).resolve({ video: input.video }, stageContext()))).toMatchObject({
      code: 'request-invalid',
      problems: [{ field: 'publication' }],
    })
    expect(server.seen).toEqual([])
  })

  test.each([
    [400, { error: 'Invalid URL' }, 'upstream-http'],
    [401, { error: 'Wrong token' }, 'authentication'],
    [429, {}, 'rate-limited'],
    [500, { error: 'No link' }, 'upstream-http'],
    [503, '', 'overloaded'],
    [200, { error: 'No link found' }, 'upstream-response'],
    [200, { error: { message: 'Unauthorized' } }, 'authentication'],
    [200, { error: 'Parse timed out', download_link: 'https://cdn.example/1.mp4' }, 'upstream-response'],
    [200, {}, 'upstream-response'],
    [200, { download_link: '' }, 'upstream-response'],
    [200, { download_link: 7 }, 'upstream-response'],
    [200, { download_link: 'ftp://cdn.example/1.mp4' }, 'upstream-response'],
    [200, { download_link: `https://cdn.example/1.mp4?t=${SECRET}` }, 'upstream-response'],
    [200, ['odd'], 'upstream-response'],
  ])('%i %j is %s', async (status, body, code) => {
    const server = await says(body, status)
    expect(await rejection(at(server).resolve(input, stageContext()))).toMatchObject({ code, status })
    expect(server.seen).toHaveLength(1)
  })

  test('a page is not an answer', async () => {
    const server = await loopbackServer((_, response) => response.end('<html><title>Sleeping</title></html>'))
    expect(await rejection(at(server).resolve(input, stageContext()))).toMatchObject({
      code: 'upstream-response',
      message: expect.stringContaining('Sleeping'),
      isRetryable: true,
    })
  })

  test('does not wait forever, also not for its token', async () => {
    const server = await loopbackServer(() => undefined)
    expect(await rejection(at(server, { timeoutMs: 40 }).resolve(input, stageContext()))).toMatchObject({
      code: 'network',
    })
    const token = () => new Promise<string>(() => undefined)
    expect(await rejection(at(server, { timeoutMs: 40, token }).resolve(input, stageContext()))).toMatchObject({
      code: 'network',
      isRefusal: true,
    })
    expect(server.seen).toHaveLength(1)
  })

  test('an abort rejects with its reason', async () => {
    const server = await loopbackServer(() => undefined)
    const controller = new AbortController()
    const waiting = rejection(at(server).resolve(input, stageContext(controller.signal)))
    await eventually(() => expect(server.seen).toHaveLength(1))
    controller.abort('enough')
    expect(await waiting).toBe('enough')
    expect(await rejection(at(server).resolve(input, stageContext(controller.signal)))).toBe('enough')
    expect(server.seen).toHaveLength(1)
  })
})

test('every problem of the options is named at once', () => {
  const fieldsOf = (options: unknown) => {
    try {
      parseServerResolver(options as ParseServerResolverOptions)
    } catch (error) {
      return (error as { problems: { field: string }[] }).problems.map(({ field }) => field)
    }
    return []
  }
  const bad = { name: '', baseUrl: '/x', token: '', shareUrl: 'https://share.example', prove: 'yes', timeoutMs: 0 }
  expect(fieldsOf(bad)).toEqual(['name', 'baseUrl', 'token', 'shareUrl', 'prove', 'timeoutMs'])
  expect(fieldsOf({ baseUrl: 'https://parse.example', shareUrl: '/p/{postId}' })).toEqual(['shareUrl'])
})

test('the token is in no error, whatever the server echoes', async () => {
  const faults: Parameters<typeof loopbackServer>[0][] = [
    json(401, { error: `Wrong token ${SECRET}` }),
    json(500, { error: { code: SECRET, message: SECRET } }),
    json(200, { error: `Not for ${SECRET}` }),
    json(200, { download_link: `https://cdn.example/${SECRET}` }),
    (_, response) => response.end(`<p>${SECRET}</p>`),
    (_, response) => response.destroy(),
  ]
  for (const fault of faults) {
    const error = await rejection(at(await loopbackServer(fault)).resolve(input, stageContext()))
    expect(inspect(error, { depth: 12, showHidden: true }) + JSON.stringify(error)).not.toContain(SECRET)
  }
})
