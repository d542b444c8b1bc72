import { describe, expect, test } from 'vitest'
import { NetworkError, UpstreamHttpError, UpstreamResponseError, withRetry } from '../../../src/index.js'
import { type UrlIngestUploaderOptions, urlIngestUploader } from '../../../src/strategies/index.js'
import { hurriedClock } from '../../../src/testing/conformance/hurried-clock.js'
import { fakeContext, fakeSource, uploaderConformance } from '../../../src/testing/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { rejection } from '../../upstream/stage-context.js'

const SECRET = 'canary-mux-token-1'
const VIDEO = 'https://cdn.example/a.mp4?sig=canary-signature-1'
const source = () => fakeSource({ isPublic: true, url: VIDEO })

/** The way of Mux: an answer at once, and a playlist. */
const muxAt = (origin: string): UrlIngestUploaderOptions => ({
  name: 'mux',
  givesPageUrl: true,
  async ingest({ url, signal }) {
    const headers = { authorization: `Basic ${SECRET}`, 'content-type': 'application/json' }
    const body = JSON.stringify({ inputs: [{ url }], playback_policies: ['public'] })
    const answer = await fetch(`${origin}/video/v1/assets`, { method: 'POST', headers, body, signal })
    if (!answer.ok) throw Object.assign(new Error(`refused ${SECRET}`), { status: answer.status })
    const { data } = (await answer.json()) as { data: { id: string; playback_ids: [{ id: string }] } }
    return { id: data.id, url: `https://stream.mux.com/${data.playback_ids[0].id}.m3u8` }
  },
})

describe('urlIngestUploader', () => {
  const at = (server: Awaited<ReturnType<typeof loopbackServer>>) => ({
    uploader: urlIngestUploader(muxAt(server.origin)),
    requests: () => server.seen.length,
  })
  uploaderConformance({
    test,
    takes: 'url',
    create: async () =>
      at(
        await loopbackServer((_, response) => {
          response.writeHead(201).end(JSON.stringify({ data: { id: 'asset1', playback_ids: [{ id: 'play1' }] } }))
        }),
      ),
    createHanging: async () => at(await loopbackServer(() => undefined)),
    createFailing: async () => at(await loopbackServer((_, response) => void response.writeHead(500).end())),
  })
})

test('the service gets the public address, and its answer is the result', async () => {
  const answer = { data: { id: 'asset1', playback_ids: [{ id: 'play1' }] } }
  const server = await loopbackServer((_, response) => void response.writeHead(201).end(JSON.stringify(answer)))
  const context = fakeContext()
  const uploader = urlIngestUploader(muxAt(server.origin))
  const result = await uploader.upload(source(), context)
  expect(result).toEqual({ id: 'asset1', url: 'https://stream.mux.com/play1.m3u8' })
  expect(uploader).toMatchObject({ name: 'mux', givesPageUrl: true })
  expect(JSON.parse(String(server.seen[0]?.body))).toMatchObject({ inputs: [{ url: VIDEO }] })
  expect(context.progress).toEqual([{ phase: 'uploading' }])
})

test.each([
  [{ isPublic: false, url: VIDEO }, 'source.url is behind a key'],
  [{ isPublic: true }, 'source.url is nothing'],
  [{ isPublic: true, url: 'https://u:p@cdn.example/a.mp4' }, 'source.url is not a plain http address'],
])('a source without a public address (%j) is refused', async (options, problem) => {
  const ingest = () => expect.unreachable('ingest was called')
  const error = await rejection(urlIngestUploader({ name: 'mine', ingest }).upload(fakeSource(options), fakeContext()))
  expect(error).toMatchObject({ code: 'request-invalid', message: expect.stringContaining(problem) })
  expect(String(error)).toContain('such as storageUploader')
})

test.each([
  [400, 'upstream-http', false],
  [401, 'authentication', false],
  [429, 'rate-limited', true],
  [503, 'overloaded', true],
  [408, 'upstream-http', false],
  [500, 'upstream-http', false],
  [502, 'upstream-http', false],
])('status %i of the service is %s, and nothing is repeated', async (status, code, isRetryable) => {
  const server = await loopbackServer((_, response) => void response.writeHead(status).end())
  const error = await rejection(urlIngestUploader(muxAt(server.origin)).upload(source(), fakeContext()))
  expect(error).toMatchObject({ code, isRetryable, message: expect.stringMatching(/ingest of mux threw/) })
  expect(server.seen).toHaveLength(1)
})

const cut = (code: string) =>
  Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(code), { code }) })

test.each<[string, unknown]>([
  ['a reset', cut('ECONNRESET')],
  ['a timeout of the client', new DOMException('The operation was aborted due to timeout', 'TimeoutError')],
  ['an answer that is no JSON', new SyntaxError('Unexpected token')],
  ['an answer of another shape', new TypeError("Cannot read properties of undefined (reading 'id')")],
  ['status 502', Object.assign(new Error('bad gateway'), { status: 502 })],
  ['a lost answer in an error of the library', new NetworkError('Could not ingest: no answer')],
  ['an answer in an error of the library that cannot be read', new UpstreamResponseError('Could not ingest: a page')],
  ['status 500 in an error of the library', new UpstreamHttpError('Could not ingest: 500', { status: 500 })],
])('after %s the service may have the video, and withRetry does not ingest it again', async (_, thrown) => {
  let calls = 0
  const ingest = () => {
    calls += 1
    return Promise.reject(thrown)
  }
  const uploader = withRetry(urlIngestUploader({ name: 'mux', ingest }))
  const error = await rejection(uploader.upload(source(), fakeContext()))
  expect(calls).toBe(1)
  expect(error).toMatchObject({ isRetryable: false, message: expect.stringMatching(/the service may have the video$/) })
})

test('a request that was never sent is repeated by withRetry', async () => {
  let calls = 0
  const ingest = () => {
    calls += 1
    return calls < 3 ? Promise.reject(cut('ECONNREFUSED')) : 'https://cdn.example/copy.mp4'
  }
  const uploader = withRetry(urlIngestUploader({ name: 'mux', ingest }))
  expect(await uploader.upload(source(), fakeContext({ clock: hurriedClock() }))).toEqual({
    url: 'https://cdn.example/copy.mp4',
  })
})

test('an answer without an address is an error', async () => {
  const uploader = urlIngestUploader({ name: 'mine', ingest: async () => ({}) as { url: string } })
  expect(await rejection(uploader.upload(source(), fakeContext()))).toMatchObject({
    code: 'upstream-response',
    isRetryable: false,
    message: expect.stringContaining('ingest of mine gave nothing as its url'),
  })
})

test('an abort that ingest does not listen to rejects at once', async () => {
  const controller = new AbortController()
  const uploader = urlIngestUploader({ name: 'mine', ingest: () => new Promise(() => undefined) })
  const upload = uploader.upload(source(), fakeContext({ signal: controller.signal }))
  controller.abort(new Error('enough'))
  expect(await rejection(upload)).toBe(controller.signal.reason)
})

test('an answer without an address says that the service may have the video', async () => {
  const uploader = urlIngestUploader({ name: 'mux', ingest: () => ({ id: 'asset_1' }) as never })
  const error = await rejection(uploader.upload(source(), fakeContext()))
  expect(error).toMatchObject({ isRetryable: false, message: expect.stringMatching(/the service may have the video$/) })
})
