import { describe, expect, test } from 'vitest'
import { type RemoteVideoOptions, remoteVideo } from '../../src/upstream/remote-video.js'
import { maskOf } from '../../src/upstream/secret.js'
import { eventually } from '../support/eventually.js'
import { drained, loopbackServer, videoBytes } from './loopback-server.js'
import { instantClock, readAll, rejection } from './stage-context.js'

const VIDEO = videoBytes(100_000)
const KEY = 'canary-key-1'
const MP4 = { 'content-type': 'video/mp4' }

function sourceAt(url: string, more: Partial<RemoteVideoOptions> = {}) {
  const get = async () => ({
    headers: { authorization: `Bearer ${KEY}`, 'x-api-key': KEY },
    secrets: [KEY],
    mask: maskOf([KEY]),
  })
  const credentials = { origin: new URL(url).origin, get }
  return remoteVideo({ url, isPublic: false, credentials, clock: instantClock(), timeoutMs: 2_000, ...more })
}

describe('the transfer of remoteVideo', () => {
  test('reads no faster than its reader', async () => {
    let sent = 0
    const server = await loopbackServer(async (_, response) => {
      response.writeHead(200, MP4)
      const chunk = videoBytes(1_000_000)
      while (sent < 64_000_000 && !response.destroyed) {
        sent += chunk.length
        if (!response.write(chunk)) await drained(response)
      }
      response.end()
    })
    const reader = (await sourceAt(server.origin).open()).getReader()
    await reader.read()
    // The sockets between have their own room; once that is full nothing moves any more.
    for (let quiet = 0, last = -1; quiet < 300; last = sent) {
      await new Promise((resolve) => setImmediate(resolve))
      quiet = sent === last ? quiet + 1 : 0
    }
    expect(sent).toBeLessThan(32_000_000)
    await reader.cancel()
    await eventually(() => expect(server.sockets.size).toBe(0))
  })

  test.each(['before', 'while opening', 'while reading'])(
    'an abort %s rejects with its reason and closes',
    async (when) => {
      const server = await loopbackServer((_, response) => {
        if (when === 'while reading') response.writeHead(200, MP4).write(VIDEO)
      })
      const controller = new AbortController()
      const reason = new Error('enough')
      if (when === 'before') controller.abort(reason)
      const opening = sourceAt(server.origin).open({ signal: controller.signal })
      if (when === 'while reading') {
        const stream = await opening
        const reading = rejection(readAll(stream))
        controller.abort(reason)
        expect(await reading).toBe(reason)
      } else {
        const waiting = rejection(opening)
        if (when === 'while opening') await eventually(() => expect(server.seen.length).toBe(1))
        controller.abort(reason)
        expect(await waiting).toBe(reason)
      }
      await eventually(() => expect(server.sockets.size).toBe(0))
    },
  )

  test('a credential that never comes ends with the time limit', async () => {
    const credentials = { origin: 'http://a.example', get: () => new Promise<never>(() => undefined) }
    const error = await rejection(sourceAt('http://a.example', { credentials, timeoutMs: 30 }).open())
    expect(error).toMatchObject({ code: 'network' })
  })

  test('headers that never come end with the time limit', async () => {
    const server = await loopbackServer(() => undefined)
    expect(await rejection(sourceAt(server.origin, { timeoutMs: 40 }).open())).toMatchObject({ code: 'network' })
  })
})
