import { execFile } from 'node:child_process'
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { drained, json, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import type { CopyReport, CopyTask } from './copy-video.js'
import { countOf, driveSandbox } from './google-drive-sandbox.js'
import { s3Server } from './s3-server.js'

// Of every uploader that moves the bytes of a video; those of url2driveUploader and urlIngestUploader are fetched by others.

const TOTAL = 1_000_000_000
// Of the resident memory: on a busy machine, where V8 collects later, 131 MB were seen.
const MOST_GROWTH = 200_000_000
const RESET_AFTER = 100_000_000
const CHUNK = videoBytes(1_000_000)
const MD5 = hashOf((hash) => {
  for (let sent = 0; sent < TOTAL; sent += CHUNK.length) hash.update(CHUNK)
})

test('a gigabyte whose connection is reset every 100 MB arrives whole in a directory, in constant memory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'broken-gigabyte-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const { id, byteLength, growth } = await copyBroken({ directory })
  const stored = createHash('md5')
  await pipeline(createReadStream(join(directory, id)), stored)
  expect({ byteLength, md5: stored.digest('hex') }).toEqual({ byteLength: TOTAL, md5: MD5 })
  expect(growth).toBeLessThan(MOST_GROWTH)
}, 150_000)

test('the same gigabyte arrives whole in Google Drive', async () => {
  const { sandbox, drive } = await driveSandbox()
  const { id, byteLength, growth } = await copyBroken({
    drive: { baseUrl: drive.baseUrl, accessToken: drive.accessToken },
  })
  expect(byteLength).toBe(TOTAL)
  expect(drive.files.get(id)).toMatchObject({ byteLength: TOTAL, md5: MD5 })
  expect(growth).toBeLessThan(MOST_GROWTH)
  // A broken source is no reason to query Drive for what it has, or to send it anything twice.
  expect(countOf(sandbox, 'drive.session')).toBe(0)
  expect(countOf(sandbox, 'drive.upload')).toBe(Math.ceil(TOTAL / 8_388_608))
}, 150_000)

test.each([
  ['in parts', {}, Math.ceil(TOTAL / 8_388_608), 0],
  ['in one stream', { multipartFromBytes: 5_000_000_000, partBytes: 5_242_880 }, 0, 1],
])(
  'and so it does in an S3 store, %s',
  async (_, options, parts, puts) => {
    const server = await s3Server({ keepsBytes: false })
    const { id, byteLength, growth } = await copyBroken({ s3: { ...server.connection, ...options } })
    expect(byteLength).toBe(TOTAL)
    const object = server.objects.get(id)
    expect(object).toMatchObject({ byteLength: TOTAL, etag: parts === 0 ? `"${MD5}"` : `"${partEtag(8_388_608)}"` })
    expect([server.countOf('part'), server.countOf('put')]).toEqual([parts, puts])
    expect(growth).toBeLessThan(MOST_GROWTH)
  },
  150_000,
)

test.each(['webdav', 'folder'] as const)(
  'and so it does in a store that takes one PUT (%s)',
  async (kind) => {
    const stored = new Map<string, { md5: string; byteLength: number }>()
    const server = createServer(async (request, response) => {
      const { method, url = '', headers } = request
      if (method === 'PUT') {
        const hash = createHash('md5')
        let byteLength = 0
        for await (const chunk of request as AsyncIterable<Buffer>) {
          hash.update(chunk)
          byteLength += chunk.length
        }
        stored.set(url, { md5: hash.digest('hex'), byteLength })
        return response.writeHead(201).end()
      }
      const file = stored.get(url)
      if (file === undefined) return response.writeHead(404).end()
      if (method === 'MOVE') {
        stored.set(new URL(String(headers.destination)).pathname, file)
        stored.delete(url)
      }
      return response.writeHead(method === 'MOVE' ? 201 : 200, { 'content-length': file.byteLength }).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const folder = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dav`
    const { id, growth } = await copyBroken(kind === 'webdav' ? { webdav: { baseUrl: folder } } : { folder })
    expect([...stored]).toEqual([[`/dav/${id}`, { md5: MD5, byteLength: TOTAL }]])
    expect(growth).toBeLessThan(MOST_GROWTH)
  },
  150_000,
)

/** Copies a gigabyte from a server that resets every connection after 100 MB, in its own process. */
async function copyBroken(to: CopyTask['to']): Promise<CopyReport> {
  const files = await loopbackServer(async ({ headers }, response) => {
    const start = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0)
    const range = start > 0 && { 'content-range': `bytes ${start}-${TOTAL - 1}/${TOTAL}` }
    const length = { 'content-length': TOTAL - start, 'content-type': 'video/mp4', etag: '"a"' }
    response.writeHead(start > 0 ? 206 : 200, { ...length, ...range })
    const end = Math.min(start + RESET_AFTER, TOTAL)
    for (let sent = start; sent < end && !response.destroyed; ) {
      const chunk = CHUNK.subarray(sent % CHUNK.length, (sent % CHUNK.length) + end - sent)
      sent += chunk.length
      if (!response.write(chunk)) await drained(response)
    }
    if (end < TOTAL) response.socket?.resetAndDestroy()
    else response.end()
  })
  const server = await loopbackServer(json(200, { id: 'video_1', status: 'completed', url: `${files.origin}/a.mp4` }))
  const task: CopyTask = { api: `${server.origin}/v1`, to }
  const script = join(import.meta.dirname, 'copy-video.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, JSON.stringify(task)], { timeout: 140_000 })
  expect(files.seen.length).toBeGreaterThan(9)
  return JSON.parse(stdout)
}

/** The ETag of the gigabyte as a multipart upload. */
function partEtag(partBytes: number): string {
  const whole = createHash('md5')
  for (let start = 0; start < TOTAL; start += partBytes) {
    const end = Math.min(start + partBytes, TOTAL)
    const part = hashOf((hash) => {
      for (let at = start; at < end; ) {
        const piece = CHUNK.subarray(at % CHUNK.length, (at % CHUNK.length) + end - at)
        hash.update(piece)
        at += piece.length
      }
    })
    whole.update(part, 'hex')
  }
  return `${whole.digest('hex')}-${Math.ceil(TOTAL / partBytes)}`
}

function hashOf(write: (hash: Hash) => void): string {
  const hash = createHash('md5')
  write(hash)
  return hash.digest('hex')
}
