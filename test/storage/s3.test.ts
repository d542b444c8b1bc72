import { createHash, randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type S3UploaderOptions, s3Uploader } from '../../src/strategies/index.js'
import { signedHeaders, UNSIGNED_PAYLOAD } from '../../src/strategies/uploaders/s3/s3-signature.js'
import { hurriedClock } from '../../src/testing/conformance/hurried-clock.js'
import { type FakeSource, fakeContext, fakeSource, uploaderConformance } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { leaksIn } from '../secrets/leaks.js'
import { rejection } from '../upstream/stage-context.js'
import {
  SERVER_KEYS,
  SERVER_REGION,
  type StorageKind,
  type StorageServer,
  startStorageServer,
  titleOf,
} from './storage-server.js'

const PART = 5_242_880
const SERVERS: readonly { readonly kind: StorageKind; readonly honoursConditions: boolean }[] = [
  { kind: 'rclone-s3', honoursConditions: false },
  { kind: 'versitygw', honoursConditions: true },
]
const WAYS: Readonly<Record<string, Partial<S3UploaderOptions>>> = {
  'in one request or stream': {},
  'in parts': { multipartFromBytes: 0 },
}

for (const { kind, honoursConditions } of SERVERS) {
  const { title, isLeftOut } = titleOf(kind, `s3Uploader and a real server, ${kind}`)
  describe.skipIf(isLeftOut)(title, () => {
    let server: StorageServer
    beforeAll(async () => {
      server = await startStorageServer(kind)
      if (kind === 'versitygw') await makeBucket(server.origin)
    }, 60_000)
    afterAll(() => server?.close())

    const uploader = (more: Partial<S3UploaderOptions> = {}) =>
      s3Uploader({
        ...{ endpoint: server.origin, region: SERVER_REGION, bucket: 'videos', ...SERVER_KEYS, partBytes: PART },
        ...{ url: { presignSeconds: 3_600 }, timeoutMs: 20_000, ...more },
      })
    const context = (runId: string) => fakeContext({ clock: systemClock, runId })
    const stored = async (url: string, source: FakeSource) => {
      const answer = await fetch(url)
      const bytes = Buffer.from(await answer.arrayBuffer())
      return [answer.ok, answer.headers.get('content-type'), bytes.equals(source.slice())]
    }

    describe.each(Object.entries(WAYS))('%s', (way, options) => {
      // Every case has a folder of its own, so that keys of runs do not meet.
      let cases = 0
      uploaderConformance({
        test,
        timeoutMs: 30_000,
        sizes: [1, 65_536, PART + 1, 11_000_003],
        create: () => {
          cases += 1
          return {
            uploader: uploader({ ...options, key: `${way}/${cases}/{runId}.{extension}` }),
            secrets: [SERVER_KEYS.secretAccessKey],
            list: () => server.files(),
            read: async (url) => (await fetch(url)).bytes(),
            clock: { ...hurriedClock(), now: Date.now },
          }
        },
      })
    })

    test.each([
      ['a b/ü+(1)*!.mp4', 1_000],
      ['q&a=b;c@d,e:f$g.mp4', 1_000],
      ['parts/ü+ (2).mp4', PART + 500_000],
    ])('the key %s is stored as it is', async (key, byteLength) => {
      const source = fakeSource({ byteLength })
      const result = await uploader({ key, multipartFromBytes: 0 }).upload(source, context('keys'))
      expect(result).toMatchObject({ id: key, byteLength })
      expect(await stored(result.url, source)).toEqual([true, 'video/mp4', true])
      expect(await server.files()).toContain(`/videos/${key}`)
    })

    test.each([
      ['one request', 1_000],
      ['parts', PART + 500_000],
    ])('an object that exists is left, and the same bytes count as stored, in %s', async (_, byteLength) => {
      const key = `taken-${byteLength}.mp4`
      const [first, other] = [fakeSource({ byteLength }), fakeSource({ byteLength, seed: 7 })]
      const options = { key, multipartFromBytes: 0 }
      const { url } = await uploader(options).upload(first, context('a'))
      expect(await rejection(uploader(options).upload(other, context('b')))).toMatchObject({ code: 'request-invalid' })
      expect(await stored(url, first)).toEqual([true, 'video/mp4', true])
      expect(await uploader(options).upload(fakeSource({ byteLength }), context('c'))).toMatchObject({ id: key })
      await uploader({ ...options, onExisting: 'overwrite' }).upload(other, context('d'))
      expect(await stored(url, other)).toEqual([true, 'video/mp4', true])
    })

    test('a key of no account is named', async () => {
      const refused = await rejection(
        uploader({ accessKeyId: 'AKIDNOACCOUNT' }).upload(fakeSource(), context('nobody')),
      )
      expect(refused).toMatchObject({ code: 'authentication', isRetryable: false })
    })

    test('a wrong secret and a bucket that does not exist are named', async () => {
      const secretAccessKey = 'canary-secret-that-is-wrong'
      const refused = await rejection(uploader({ secretAccessKey }).upload(fakeSource(), context('wrong')))
      expect(refused).toMatchObject({ code: 'authentication', isRetryable: false })
      expect(leaksIn(refused, [secretAccessKey])).toEqual([])
      const missing = await rejection(uploader({ bucket: 'none-such' }).upload(fakeSource(), context('none')))
      expect(missing).toMatchObject({
        code: 'configuration-invalid',
        message: expect.stringContaining('bucket is "none-such"'),
      })
    })

    // A store that ignores the condition has no such promise, which the documentation of the uploader says.
    if (honoursConditions) {
      test('of two uploads of one key at the same moment one wins, and the other leaves it', async () => {
        const sources = [1, 2, 3].map((seed) => fakeSource({ byteLength: 200_000, seed }))
        const one = uploader({ key: 'race.mp4', maxAttempts: 1 })
        const ends = await Promise.allSettled(sources.map((source) => one.upload(source, context('race'))))
        expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        const index = ends.findIndex(({ status }) => status === 'fulfilled')
        const end = ends[index]
        const url = end?.status === 'fulfilled' ? end.value.url : ''
        expect(await stored(url, sources[index] as FakeSource)).toEqual([true, 'video/mp4', true])
      })
    }

    // What a killed process has sent of a stream.
    const cutStream = async (key: string, source: FakeSource, byteLength: number) => {
      const url = new URL(`${server.origin}/videos/${key}`)
      const mark = { 'x-amz-meta-sora-pipeline-upload': randomUUID() }
      const headers = { 'content-type': 'video/mp4', ...mark }
      const request = { method: 'PUT', url: url.href, headers, payloadHash: UNSIGNED_PAYLOAD }
      const sent = httpRequest(url, {
        method: 'PUT',
        headers: { ...(await signedHeaders(signer(), request)), 'content-length': source.slice().length },
      })
      sent.on('error', () => undefined)
      await new Promise<void>((resolve) => sent.write(source.slice().subarray(0, byteLength), () => resolve()))
      sent.destroy()
    }

    test.each([
      ['in one stream', { multipartFromBytes: 100_000_000 }],
      ['in parts', {}],
    ])(
      'a stream that was cut with its process never counts as stored, and the next upload %s is whole',
      async (way, options) => {
        const key = `cut ${way}.mp4`
        const source = fakeSource({ byteLength: 2 * PART })
        await cutStream(encodeURIComponent(key), source, 3_000_000)
        // rclone keeps nothing.
        if (kind === 'versitygw') await vi.waitFor(async () => expect(await server.files()).toContain(`/videos/${key}`))
        const other = fakeSource({ byteLength: 2 * PART, seed: 7 })
        if (kind === 'versitygw') {
          const taken = await rejection(uploader({ key, ...options }).upload(other, context('other')))
          expect(taken).toMatchObject({ code: 'request-invalid' })
        }
        const { url } = await uploader({ key, ...options }).upload(source, context('next'))
        expect(await stored(url, source)).toEqual([true, 'video/mp4', true])
      },
    )

    test('a presigned URL that was changed opens for no one', async () => {
      const { url } = await uploader().upload(fakeSource(), context('signed'))
      expect((await fetch(url)).ok).toBe(true)
      expect((await fetch(url.replace(/.$/, (last) => (last === '0' ? '1' : '0')))).status).toBe(403)
      expect((await fetch(url.replace('signed.mp4', 'race.mp4'))).status).toBe(403)
    })
  })
}

function signer() {
  return { ...SERVER_KEYS, sessionToken: undefined, region: SERVER_REGION, now: Date.now() }
}

async function makeBucket(origin: string): Promise<void> {
  const payloadHash = createHash('sha256').digest('hex')
  const request = { method: 'PUT', url: `${origin}/videos`, headers: {}, payloadHash }
  const answer = await fetch(request.url, { method: 'PUT', headers: await signedHeaders(signer(), request) })
  if (!answer.ok) throw new Error(`Could not make the bucket: ${await answer.text()}`)
}
