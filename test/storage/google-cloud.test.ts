import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CRC32C, Storage } from '@google-cloud/storage'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { googleCloudUploader } from '../../examples/storage-clients.js'
import { fakeContext, fakeSource, uploaderConformance } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { leaksIn } from '../secrets/leaks.js'
import { rejection } from '../upstream/stage-context.js'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const PRIVATE_KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** Resumable uploads as Cloud Storage takes them: an object exists when the last byte of a request has come, and not before. */
async function startCloudStorage() {
  const objects = new Map<string, Buffer>()
  const sessions: URLSearchParams[] = []
  const answer = async (request: IncomingMessage): Promise<readonly [number, object, Record<string, string>?]> => {
    const { pathname, searchParams } = new URL(request.url ?? '', origin)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const [, bucket] = /^\/upload\/storage\/v1\/b\/([^/]+)\/o$/.exec(pathname) ?? []
    if (bucket !== undefined) {
      searchParams.set('bucket', bucket)
      sessions.push(searchParams)
      return [200, {}, { location: `${origin}/session/${sessions.length - 1}` }]
    }
    const session = sessions[Number(pathname.slice('/session/'.length))]
    const name = session?.get('name') ?? ''
    const id = `${session?.get('bucket')}/${name}`
    if (session?.get('ifGenerationMatch') === '0' && objects.has(id)) {
      const message = 'At least one of the pre-conditions you specified did not hold.'
      return [412, { error: { code: 412, message, errors: [{ reason: 'conditionNotMet', message }] } }]
    }
    const bytes = Buffer.concat(chunks)
    objects.set(id, bytes)
    const crc32c = new CRC32C()
    crc32c.update(bytes)
    return [200, { kind: 'storage#object', name, size: String(bytes.length), crc32c: crc32c.toString() }]
  }
  const server = createServer((request, response) => {
    answer(request).then(
      ([status, body, headers]) =>
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body)),
      // The client went away.
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return { origin, objects, close }
}

describe('storageUploader with the client of Google Cloud Storage', () => {
  let cloud: Awaited<ReturnType<typeof startCloudStorage>>
  let buckets = 0
  beforeAll(async () => {
    cloud = await startCloudStorage()
  })
  afterAll(() => cloud.close())

  const setup = () => {
    buckets += 1
    const bucket = `case-${buckets}`
    const credentials = { client_email: 'robot@project.iam.gserviceaccount.com', private_key: PRIVATE_KEY }
    const options = { apiEndpoint: cloud.origin, projectId: 'project', credentials, retryOptions: { autoRetry: false } }
    const uploader = googleCloudUploader(new Storage(options).bucket(bucket))
    const read = async (url: string) =>
      cloud.objects.get(decodeURIComponent(new URL(url).pathname.slice(1))) ?? Buffer.alloc(0)
    const list = async () => [...cloud.objects.keys()].filter((id) => id.startsWith(`${bucket}/`)).sort()
    return { uploader, read, list, secrets: [PRIVATE_KEY], clock: systemClock }
  }

  uploaderConformance({ test, timeoutMs: 30_000, create: setup })

  test('any key is stored as it is, with a URL for a week, and left when it exists', async () => {
    const [first, { uploader, read, list }] = [fakeSource(), setup()]
    const context = () => fakeContext({ clock: systemClock, runId: 'a b#c?d%25é' })
    const { url, id, expiresAt } = await uploader.upload(first, context())
    expect([id, (await read(url)).equals(first.slice())]).toEqual(['a b#c?d%25é.mp4', true])
    expect(new URL(url).searchParams.get('X-Goog-Expires')).toBe('604800')
    expect((expiresAt ?? 0) - Date.now()).toBeGreaterThan(6 * 86_400_000)
    const before = await list()
    const error = await rejection(uploader.upload(fakeSource({ seed: 7 }), context()))
    expect(error).toMatchObject({ code: 'request-invalid', message: expect.stringContaining('which is taken') })
    expect(leaksIn(error, [PRIVATE_KEY])).toEqual([])
    expect([await list(), (await read(url)).equals(first.slice())]).toEqual([before, true])
  })
})
