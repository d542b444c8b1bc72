import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { vercelUploader } from '../../examples/storage-clients.js'
import { hurriedClock } from '../../src/testing/conformance/hurried-clock.js'
import { fakeContext, fakeSource, uploaderConformance } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { leaksIn } from '../secrets/leaks.js'
import { rejection } from '../upstream/stage-context.js'

const BASE = 'https://store.public.blob.example/'
const TOKEN = 'vercel_blob_rw_store_canary-blob-token'

/** Uploads in parts as Vercel Blob takes them: a blob exists when its upload is completed, and not before. */
async function startBlobStore() {
  const blobs = new Map<string, Buffer>()
  const uploads = new Map<string, Map<number, Buffer>>()
  const answer = async (request: IncomingMessage): Promise<readonly [number, object]> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    const header = (name: string) => String(request.headers[name] ?? '')
    const pathname = new URL(request.url ?? '', 'http://blob').searchParams.get('pathname') ?? ''
    if (header('authorization') !== `Bearer ${TOKEN}`) return [403, { error: { code: 'forbidden' } }]
    if (header('x-mpu-action') === 'create') {
      if (blobs.has(pathname)) {
        const message = 'This blob already exists, use `allowOverwrite: true` if you want to overwrite it.'
        return [400, { error: { code: 'bad_request', message } }]
      }
      const uploadId = `upload-${uploads.size}`
      uploads.set(uploadId, new Map())
      return [200, { key: pathname, uploadId }]
    }
    const parts = uploads.get(header('x-mpu-upload-id')) ?? new Map<number, Buffer>()
    if (header('x-mpu-action') === 'upload') {
      const number = Number(header('x-mpu-part-number'))
      parts.set(number, bytes)
      return [200, { etag: `"${number}"` }]
    }
    const listed = (JSON.parse(bytes.toString()) as { partNumber: number }[]).sort(
      (a, b) => a.partNumber - b.partNumber,
    )
    blobs.set(pathname, Buffer.concat(listed.map(({ partNumber }) => parts.get(partNumber) ?? Buffer.alloc(0))))
    const url = BASE + pathname.split('/').map(encodeURIComponent).join('/')
    return [200, { url, downloadUrl: `${url}?download=1`, pathname, contentType: 'video/mp4', contentDisposition: '' }]
  }
  const server = createServer((request, response) => {
    answer(request).then(
      ([status, body]) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      // The client went away.
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, blobs, close }
}

describe('storageUploader with the client of Vercel Blob', () => {
  let store: Awaited<ReturnType<typeof startBlobStore>>
  beforeAll(async () => {
    store = await startBlobStore()
    vi.stubEnv('VERCEL_BLOB_API_URL', store.origin)
  })
  afterAll(async () => {
    vi.unstubAllEnvs()
    await store.close()
  })

  const setup = () => {
    store.blobs.clear()
    return {
      uploader: vercelUploader(TOKEN),
      read: async (url: string) => store.blobs.get(decodeURIComponent(url.slice(BASE.length))) ?? Buffer.alloc(0),
      list: async () => [...store.blobs.keys()].sort(),
      secrets: [TOKEN],
      clock: systemClock,
    }
  }

  uploaderConformance({ test, timeoutMs: 30_000, sizes: [1, 65_536, 9_000_001], create: setup })

  test('any key is stored as it is, and left when it exists', async () => {
    const [first, { uploader, read, list }] = [fakeSource(), setup()]
    const context = () => fakeContext({ clock: systemClock, runId: 'a b#c?d%25é' })
    const { url, id } = await uploader.upload(first, context())
    expect([id, await list()]).toEqual(['a b#c?d%25é.mp4', ['a b#c?d%25é.mp4']])
    const error = await rejection(uploader.upload(fakeSource({ seed: 7 }), context()))
    expect(error).toMatchObject({ code: 'request-invalid', message: expect.stringContaining('which is taken') })
    expect(leaksIn(error, [TOKEN])).toEqual([])
    expect(Buffer.from(await read(url)).equals(first.slice())).toBe(true)
  })

  test('a source that ends after the first part leaves nothing', async () => {
    const { uploader, list } = setup()
    const source = fakeSource({ byteLength: 9_000_000, declaredByteLength: 10_000_000 })
    const error = await rejection(uploader.upload(source, fakeContext({ clock: hurriedClock() })))
    expect(error).toMatchObject({ code: 'upstream-response' })
    expect(await list()).toEqual([])
  })
})
