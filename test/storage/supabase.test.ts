import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { supabaseUploader } from '../../examples/storage-clients.js'
import { fakeContext, fakeSource, uploaderConformance } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { leaksIn } from '../secrets/leaks.js'
import { rejection } from '../upstream/stage-context.js'

const API_KEY = 'canary-service-key'
const PUBLIC = '/storage/v1/object/public/'

/** Uploads as Supabase takes them, with the paths decoded. It ends with the test. */
async function setup({ hangs = false } = {}) {
  const files = new Map<string, Buffer>()
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return // A body that was cut makes no file.
    }
    if (hangs) return
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://store').pathname)
    const name = path.replace('/storage/v1/object/', '')
    if (request.headers.authorization !== `Bearer ${API_KEY}`) {
      return answer(400, { statusCode: '403', error: 'Unauthorized', message: 'Invalid Compact JWS' })
    }
    if (files.has(name)) {
      return answer(400, { statusCode: '409', error: 'Duplicate', message: 'The resource already exists' })
    }
    files.set(name, Buffer.concat(chunks))
    return answer(200, { Id: '1', Key: name })
  })
  server.on('connection', (socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const nameAt = (url: string) => decodeURIComponent(new URL(url).pathname).replace(PUBLIC, '')
  return {
    uploader: supabaseUploader(`${origin}/storage/v1`, API_KEY, 'videos'),
    read: async (url: string) => files.get(nameAt(url)) ?? Buffer.alloc(0),
    list: async () => [...files.keys()].sort(),
    secrets: [API_KEY],
    clock: systemClock,
    server,
  }
}

describe('storageUploader with the client of Supabase', () => {
  uploaderConformance({ test, timeoutMs: 30_000, create: () => setup() })

  test('any key is stored as it is, and left when it exists', async () => {
    const [first, { uploader, read, list }] = [fakeSource(), await setup()]
    const context = () => fakeContext({ clock: systemClock, runId: 'a b#c?d%25é' })
    const { url, id } = await uploader.upload(first, context())
    expect([id, await list()]).toEqual(['a b#c?d%25é.mp4', ['videos/a b#c?d%25é.mp4']])
    expect(url).toMatch(/\/object\/public\/videos\/a%20b%23c%3Fd%2525%C3%A9\.mp4$/)
    const error = await rejection(uploader.upload(fakeSource({ seed: 7 }), context()))
    expect(error).toMatchObject({ code: 'request-invalid', message: expect.stringContaining('which is taken') })
    expect(leaksIn(error, [API_KEY])).toEqual([])
    expect((await read(url)).equals(first.slice())).toBe(true)
  })

  test('an abort ends the request, also when the whole video was sent', async () => {
    const { server, uploader } = await setup({ hangs: true })
    const controller = new AbortController()
    const closed = once(server, 'connection').then(([socket]) => once(socket, 'close'))
    const request = once(server, 'request')
    const upload = uploader.upload(fakeSource(), fakeContext({ clock: systemClock, signal: controller.signal }))
    upload.catch(() => undefined)
    await request
    controller.abort(new Error('enough'))
    expect(await rejection(upload)).toBe(controller.signal.reason)
    await closed
  })
})
