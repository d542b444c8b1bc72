import { execFile } from 'node:child_process'
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { drained, json, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import type { CopyReport, CopyTask } from './copy-video.js'
import { countOf, driveSandbox } from './google-drive-sandbox.js'

// Of the uploaders, these two move the bytes of a video; url2driveUploader has its Space fetch them.

const TOTAL = 1_000_000_000
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
  expect(growth).toBeLessThan(130_000_000)
}, 150_000)

test('the same gigabyte arrives whole in Google Drive', async () => {
  const { sandbox, drive } = await driveSandbox()
  const { id, byteLength, growth } = await copyBroken({
    drive: { baseUrl: drive.baseUrl, accessToken: drive.accessToken },
  })
  expect(byteLength).toBe(TOTAL)
  expect(drive.files.get(id)).toMatchObject({ byteLength: TOTAL, md5: MD5 })
  expect(growth).toBeLessThan(130_000_000)
  // A broken source is no reason to query Drive for what it has, or to send it anything twice.
  expect(countOf(sandbox, 'drive.session')).toBe(0)
  expect(countOf(sandbox, 'drive.upload')).toBe(Math.ceil(TOTAL / 8_388_608))
}, 150_000)

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

function hashOf(write: (hash: Hash) => void): string {
  const hash = createHash('md5')
  write(hash)
  return hash.digest('hex')
}
