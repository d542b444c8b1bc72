import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type S3Credentials, type S3UploaderOptions, s3Uploader } from '../../../src/strategies/index.js'
import { hurriedClock } from '../../../src/testing/conformance/hurried-clock.js'
import { fakeContext, fakeSource } from '../../../src/testing/index.js'
import { systemClock } from '../../../src/timing/system-clock.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { rejection } from '../../upstream/stage-context.js'
import { BUCKET, KEYS, type S3ServerOptions, s3Server } from './s3-server.js'

const setup = async (options: Partial<S3UploaderOptions> = {}, how: S3ServerOptions = {}) => {
  const server = await s3Server(how)
  return { server, uploader: s3Uploader({ ...server.connection, ...options }) }
}
const context = (more: Parameters<typeof fakeContext>[0] = {}) => fakeContext({ clock: hurriedClock(), ...more })
const video = (byteLength = 1_000) => fakeSource({ byteLength })

describe('the result', () => {
  test('has the key as its id, the length, and a presigned URL of a week with its end', async () => {
    const { server, uploader } = await setup()
    const before = Math.floor(Date.now() / 1_000) * 1_000
    const source = video()
    const result = await uploader.upload(source, fakeContext({ clock: systemClock }))
    expect(result).toMatchObject({ id: 'run_1.mp4', byteLength: 1_000 })
    const { expiresAt = 0, url } = result
    expect(expiresAt).toBeGreaterThanOrEqual(before + 604_800_000)
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + 604_800_000)
    expect(url).toContain(`${server.endpoint}/${BUCKET}/run_1.mp4?`)
    const answer = await fetch(url)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    expect(Buffer.from(await answer.arrayBuffer()).equals(source.slice())).toBe(true)
    // The same address without its signature opens for no one.
    expect((await fetch(url.split('?')[0] ?? '')).status).toBe(403)
  })

  test('has the lifetime that is configured', async () => {
    const { uploader } = await setup({ url: { presignSeconds: 60 } })
    const { url, expiresAt = 0 } = await uploader.upload(video(), fakeContext({ clock: systemClock }))
    expect(new URL(url).searchParams.get('X-Amz-Expires')).toBe('60')
    expect(expiresAt - Date.now()).toBeLessThanOrEqual(60_000)
  })

  test('ends with temporary credentials at the latest', async () => {
    const expiration = new Date(Date.now() + 30_000)
    const { accessKeyId, secretAccessKey } = KEYS
    const keys: S3Credentials = { accessKeyId, secretAccessKey, sessionToken: 'session-canary/+1', expiration }
    const server = await s3Server({ keys: { sessionToken: 'session-canary/+1' } })
    const uploader = s3Uploader({
      endpoint: server.endpoint,
      bucket: BUCKET,
      region: KEYS.region,
      credentials: async () => keys,
    })
    const { url, expiresAt } = await uploader.upload(video(), fakeContext({ clock: systemClock }))
    expect(expiresAt).toBe(expiration.getTime())
    expect((await fetch(url)).status).toBe(200)
  })

  test.each<[Partial<S3UploaderOptions>, string]>([
    [{ url: 'public' }, '{endpoint}/videos/run_1.mp4'],
    [{ publicBaseUrl: 'https://media.example/v/' }, 'https://media.example/v/run_1.mp4'],
  ])('with %j is public and has no end', async (options, url) => {
    const { server, uploader } = await setup(options)
    const result = await uploader.upload(video(), context())
    expect(result).toEqual({ url: url.replace('{endpoint}', server.endpoint), id: 'run_1.mp4', byteLength: 1_000 })
  })

  test('of a virtual-hosted bucket has it in the host', async () => {
    const asked: string[] = []
    const fetch: typeof globalThis.fetch = async (input, init) => {
      asked.push(`${init?.method} ${input}`)
      return new Response(null, {
        status: init?.method === 'HEAD' && asked.length === 1 ? 404 : 200,
        headers: { etag: '"a"' },
      })
    }
    const endpoint = 'https://store.example/api/'
    const uploader = s3Uploader({
      ...KEYS,
      endpoint,
      bucket: 'b.1',
      addressing: 'virtual-hosted',
      url: 'public',
      fetch,
    })
    const { url } = await uploader.upload(video(), context())
    expect(url).toBe('https://b.1.store.example/api/run_1.mp4')
    expect(asked.slice(0, 2)).toEqual([`HEAD ${url}`, `PUT ${url}`])
  })
})

describe('the key', () => {
  test.each([
    ['a b/ü+(1)*!.{extension}', 'a b/ü+(1)*!.mp4', '/a%20b/%C3%BC%2B%281%29%2A%21.mp4'],
    ['100%/~x&y=z;?#.mp4', '100%/~x&y=z;?#.mp4', '/100%25/~x%26y%3Dz%3B%3F%23.mp4'],
  ])('%s is stored and signed as it is', async (key, stored, path) => {
    const { server, uploader } = await setup({ key })
    const { url, id } = await uploader.upload(video(), context())
    expect(id).toBe(stored)
    expect([...server.objects.keys()]).toEqual([stored])
    expect(new URL(url).pathname).toBe(`/videos${path}`)
    expect((await fetch(url)).status).toBe(200)
  })

  test('has the day, the run and an id of its own in it', async () => {
    const { server, uploader } = await setup({ key: '{date}/{runId}/{id}.{extension}' })
    const clock = { ...hurriedClock(), now: () => Date.UTC(2026, 10, 23, 23, 59) }
    await uploader.upload(video(), fakeContext({ clock, runId: 'order/7\\8' }))
    const [key = ''] = server.objects.keys()
    expect(key).toMatch(/^2026-11-23\/order_7_8\/[\da-f]{8}-[\da-f-]{27}\.mp4$/)
  })

  test('takes its extension from the bytes where the source does not declare a type', async () => {
    const { server, uploader } = await setup()
    const bytes = Buffer.from('\x1aE\xdf\xa3 and what follows', 'latin1')
    const { mediaType: _, ...source } = fakeSource({ bytes })
    await uploader.upload(source, context())
    expect([...server.objects].map(([key, { headers }]) => [key, headers['content-type']])).toEqual([
      ['run_1.webm', 'video/webm'],
    ])
  })

  test('of a run whose id no store takes is refused before anything is sent', async () => {
    const { server, uploader } = await setup({ key: '{runId}' })
    const error = await rejection(uploader.upload(video(), context({ runId: '..' })))
    expect(error).toMatchObject({ code: 'request-invalid' })
    expect(server.requests).toEqual([])
  })
})

test('headers of the object are sent with it, in one request and in parts', async () => {
  const headers = { 'cache-control': 'max-age=60', 'x-amz-meta-title': 'a  cat' }
  const { server, uploader } = await setup({ headers, partBytes: 5_242_880, multipartFromBytes: 0 })
  await uploader.upload(video(), context())
  await uploader.upload(video(6_000_000), context({ runId: 'run_2' }))
  expect(server.countOf('part')).toBe(2)
  for (const object of server.objects.values()) {
    expect(object.headers).toMatchObject({ ...headers, 'content-type': 'video/mp4' })
  }
})

test('credentials are asked for before each request, and again when they have expired', async () => {
  let asked = 0
  const server = await s3Server({ keys: { sessionToken: 'new-canary-token' } })
  const credentials = () => {
    asked += 1
    return { ...KEYS, sessionToken: asked > 2 ? 'new-canary-token' : 'old-canary-token' }
  }
  const { endpoint } = server
  server.fail('put', { kind: 'error', status: 400, code: 'ExpiredToken' })
  const uploader = s3Uploader({ endpoint, bucket: BUCKET, region: KEYS.region, credentials, url: 'public' })
  await uploader.upload(video(), context())
  expect(server.objects.size).toBe(1)
  expect(asked).toBeGreaterThan(3)
})

test.each<[string, S3UploaderOptions['credentials'] & object, RegExp]>([
  ['throws', () => Promise.reject(new Error('canary-secret is wrong')), /its function threw Error$/],
  ['gives nothing', () => undefined as never, /it gave no accessKeyId/],
  ['gives half', () => ({ accessKeyId: 'a', secretAccessKey: '' }), /it gave no accessKeyId/],
])('a function of credentials that %s is an AuthenticationError', async (_, credentials, message) => {
  const { region } = KEYS
  const uploader = s3Uploader({ endpoint: 'https://a.example', bucket: BUCKET, region, credentials })
  const error = await rejection(uploader.upload(video(), context()))
  expect(error).toMatchObject({ code: 'authentication', message: expect.stringMatching(message) })
  expect(inspect(error, { depth: 9 })).not.toContain('canary')
})

describe('a clock that is wrong', () => {
  test.each([-3_600_000, 3_600_000])('by %i ms is corrected by that of the store', async (aheadMs) => {
    const { server, uploader } = await setup({}, { aheadMs })
    const { url, expiresAt = 0 } = await uploader.upload(video(), fakeContext({ clock: systemClock }))
    expect((await fetch(url)).status).toBe(200)
    expect(Math.abs(expiresAt - (Date.now() + aheadMs + 604_800_000))).toBeLessThan(60_000)
    expect(server.countOf('put')).toBe(1)
  })
})

describe('an error of the store', () => {
  test.each<[number, string, object]>([
    [
      403,
      'SignatureDoesNotMatch',
      { code: 'authentication', message: expect.stringContaining('; check secretAccessKey') },
    ],
    [403, 'AccessDenied', { code: 'authentication', message: expect.stringContaining('s3:PutObject') }],
    [403, 'InvalidAccessKeyId', { code: 'authentication', message: expect.stringContaining('; check accessKeyId') }],
    [404, 'XAdminUserNotFound', { code: 'authentication', message: expect.stringContaining('; check accessKeyId') }],
    [404, 'NoSuchBucket', { code: 'configuration-invalid', message: expect.stringContaining('bucket is "videos"') }],
    [
      301,
      'PermanentRedirect',
      { code: 'configuration-invalid', message: expect.stringContaining('region is "eu-central-1"') },
    ],
    [507, 'XMinioStorageFull', { code: 'quota-exceeded' }],
    [400, 'EntityTooLarge', { code: 'quota-exceeded' }],
    [
      400,
      'InvalidStorageClass',
      {
        code: 'upstream-http',
        isRetryable: false,
        message: expect.stringContaining('400 InvalidStorageClass, what InvalidStorageClass means'),
      },
    ],
  ])('%i %s is not repeated, and says what to do', async (status, code, expected) => {
    const { server, uploader } = await setup()
    server.fail('put', { kind: 'error', status, code })
    expect(await rejection(uploader.upload(video(), context()))).toMatchObject(expected)
    expect(server.countOf('put')).toBe(1)
    expect(server.objects.size).toBe(0)
  })

  test.each<[number, string]>([
    [503, 'SlowDown'],
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
    [400, 'RequestTimeout'],
    [400, 'BadDigest'],
    [409, 'ConditionalRequestConflict'],
    [403, 'RequestTimeTooSkewed'],
  ])('%i %s is repeated', async (status, code) => {
    const { server, uploader } = await setup()
    server.fail('put', { kind: 'error', status, code })
    await uploader.upload(video(), context())
    expect(server.countOf('put')).toBe(2)
  })

  test('names the clock where that is the reason', async () => {
    const { server, uploader } = await setup({ maxAttempts: 1 })
    server.fail('put', { kind: 'error', status: 403, code: 'RequestTimeTooSkewed' })
    const error = await rejection(uploader.upload(video(), context()))
    expect(String(error)).toContain('; set the clock of this machine, which is more than 15 minutes off')
  })

  test('names the region of the bucket', async () => {
    const body =
      '<?xml version="1.0"?>\n<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message><Region>eu-west-3</Region></Error>'
    const server = await loopbackServer((_, response) => void response.writeHead(400).end(body))
    const uploader = s3Uploader({ ...KEYS, endpoint: server.origin, bucket: BUCKET })
    const error = await rejection(uploader.upload(video(), context()))
    expect(error).toMatchObject({
      code: 'configuration-invalid',
      message: expect.stringContaining("set region to 'eu-west-3'"),
    })
  })

  test.each([301, 400])('names the region of the bucket at the lookup, whose answer %i has no body', async (status) => {
    const headers = { 'x-amz-bucket-region': 'ap-south-1', location: 'http://elsewhere.example/' }
    const server = await loopbackServer((_, response) => void response.writeHead(status, headers).end())
    const uploader = s3Uploader({ ...KEYS, endpoint: server.origin, bucket: BUCKET })
    const error = await rejection(uploader.upload(video(), context()))
    expect(error).toMatchObject({ message: expect.stringContaining("set region to 'ap-south-1'") })
    expect(server.seen.map(({ method }) => method)).toEqual(['HEAD'])
  })

  test('that is a page is read by the usual rule', async () => {
    const server = await loopbackServer((_, response) => void response.writeHead(502).end('<html>Bad gateway</html>'))
    const uploader = s3Uploader({ ...KEYS, endpoint: server.origin, bucket: BUCKET, maxAttempts: 1 })
    expect(await rejection(uploader.upload(video(), context()))).toMatchObject({ code: 'upstream-http', status: 502 })
  })
})

test.each<[object, string]>([
  [{ endpoint: 'https://a.example/videos' }, 'endpoint is "an address with the bucket" (leave the bucket out)'],
  [{ secretAccessKey: undefined }, 'secretAccessKey is nothing (give accessKeyId and secretAccessKey, or credentials)'],
  [{ credentials: () => KEYS }, 'credentials is given beside other keys (give one of both)'],
  [{ url: { presignSeconds: 0 } }, 'url.presignSeconds is 0 (give whole seconds from 1 to 604800)'],
  [{ url: { presignSeconds: 60 }, publicBaseUrl: 'https://a.example' }, "leave it out, or set url to 'public'"],
  [{ headers: { 'If-None-Match': '*' } }, 'headers["If-None-Match"] is reserved'],
  [{ key: '{run}.mp4' }, 'key is a text with {run}, did you mean {runId}?'],
  [{ key: '{runId' }, `key is "{runId" (close each placeholder, such as '{runId}')`],
  [{ key: 'a/{{runId}}.mp4' }, 'close each placeholder'],
  [{ key: '/a' }, 'key is "/a" (leave the slash at its start out)'],
  [{ key: 'a/../b' }, 'key is "a/../b" (leave parts of dots alone out)'],
  [{ key: 'a//b' }, 'key is "a//b" (leave empty parts'],
  [{ key: 'x'.repeat(1_025) }, 'give at most 1024 bytes'],
])('options that cannot work are named: %j', (options, problem) => {
  const right = { ...KEYS, endpoint: 'https://a.example', bucket: BUCKET }
  expect(() => s3Uploader({ ...right, ...options })).toThrow(problem)
})
