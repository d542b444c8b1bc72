import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { directoryUploader } from '../../../src/strategies/index.js'
import { remoteVideo } from '../../../src/upstream/remote-video.js'
import { drained, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { stageContext } from '../../upstream/stage-context.js'

test('300 MB pass through in constant memory', async () => {
  const total = 300_000_000
  const chunk = videoBytes(1_000_000)
  const server = await loopbackServer(async (_, response) => {
    response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': total })
    for (let sent = 0; sent < total && !response.destroyed; sent += chunk.length) {
      if (!response.write(chunk)) await drained(response)
    }
    response.end()
  })
  const path = await mkdtemp(join(tmpdir(), 'streaming-memory-'))
  onTestFinished(() => rm(path, { recursive: true, force: true }))
  const context = stageContext()
  const { origin: url } = server
  const source = remoteVideo({ url, ownOrigin: url, isPublic: true, clock: context.clock, timeoutMs: 5_000 })
  const before = process.memoryUsage.rss()
  let highest = before
  const timer = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage.rss())
  }, 10)
  onTestFinished(() => clearInterval(timer))
  expect(
    await directoryUploader({ directory: path, publicBaseUrl: 'https://media.example' }).upload(source, context),
  ).toMatchObject({ byteLength: total })
  expect(highest - before).toBeLessThan(200_000_000)
})
