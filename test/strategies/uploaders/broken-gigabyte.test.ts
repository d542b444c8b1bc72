import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { drained, json, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'

const TOTAL = 1_000_000_000
const RESET_AFTER = 100_000_000
const CHUNK = videoBytes(1_000_000)

test('a gigabyte whose connection is reset every 100 MB arrives whole, in constant memory', async () => {
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
  const directory = await mkdtemp(join(tmpdir(), 'broken-gigabyte-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const script = join(import.meta.dirname, 'copy-video.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [script, `${server.origin}/v1`, directory], {
    timeout: 60_000,
  })
  const sha256 = createHash('sha256')
  for (let sent = 0; sent < TOTAL; sent += CHUNK.length) sha256.update(CHUNK)
  const copied = JSON.parse(stdout) as { readonly growth: number }
  expect(copied).toMatchObject({ byteLength: TOTAL, sha256: sha256.digest('hex') })
  expect(copied.growth).toBeLessThan(130_000_000)
  expect(files.seen.length).toBeGreaterThan(9)
}, 70_000)
