import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { faultSchedule } from '../../src/sandbox/fault-schedule.js'
import { type LoopbackServer, startLoopbackServer } from '../../src/sandbox/loopback-server.js'
import { bytesBody, textReply } from '../../src/sandbox/reply.js'
import type { Router } from '../../src/sandbox/route.js'
import type { SandboxRequest } from '../../src/sandbox/sandbox-request.js'

const open: LoopbackServer[] = []

const start = async (router: Router) => {
  const seen: SandboxRequest[] = []
  const server = await startLoopbackServer({ router, faults: faultSchedule(), log: (entry) => seen.push(entry) })
  open.push(server)
  return { server, seen }
}

const settled = async (isSettled: () => boolean) => {
  while (!isSettled()) await new Promise((resolve) => setImmediate(resolve))
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()))
})

describe('startLoopbackServer', () => {
  it('passes a request on in parts', async () => {
    const { server } = await start(() => ({
      endpoint: 'files',
      handle: ({ method, pathname, query, headers, body }) => {
        return textReply(200, JSON.stringify([method, pathname, query.get('q'), headers['x-list'], body ?? null]))
      },
    }))
    const call = request(`${server.origin}/a%20b?q=1%3F2`, { method: 'POST', headers: { 'x-list': ['a', 'b'] } })
    call.end('plain')
    const [response] = await once(call, 'response')
    expect(JSON.parse(Buffer.concat(await response.toArray()).toString())).toEqual([
      'POST',
      '/a%20b',
      '1?2',
      'a, b',
      'plain',
    ])
  })

  it('answers what no route has with 404, and a bug with its message', async () => {
    const { server, seen } = await start((_, pathname) => {
      if (pathname === '/none') return undefined
      return {
        endpoint: 'files',
        handle() {
          if (pathname === '/error') throw new Error('a bug')
          throw 'no error'
        },
      }
    })
    expect((await fetch(`${server.origin}/none`)).status).toBe(404)
    expect(await (await fetch(`${server.origin}/error`)).json()).toMatchObject({
      error: { message: 'The sandbox could not answer: a bug', type: 'server_error' },
    })
    expect((await fetch(`${server.origin}/other`)).status).toBe(500)
    expect(seen.map(({ endpoint, status }) => [endpoint, status])).toEqual([
      ['unknown', 404],
      ['files', 500],
      ['files', 500],
    ])
  })

  it('notes a client that leaves while it sends', async () => {
    const { server, seen } = await start(() => ({ endpoint: 'files', handle: () => textReply(200, 'ok') }))
    const socket = connect(Number(new URL(server.origin).port), '127.0.0.1')
    socket.write('POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nnot all of it')
    await settled(() => seen.length === 1)
    socket.destroy()
    await settled(() => seen[0]?.wasAborted === true)
    expect(seen[0]).not.toHaveProperty('status')
    expect(seen[0]).not.toHaveProperty('body')
  })

  it('notes a client that leaves while it receives, and stops reading for it', async () => {
    let chunks = 0
    let hasStopped = false
    const endless = function* () {
      try {
        for (; chunks < 10_000; chunks += 1) yield new Uint8Array(100_000)
      } finally {
        hasStopped = true
      }
    }
    const body = { byteLength: 1_000_000_000, read: endless }
    const { server, seen } = await start(() => ({
      endpoint: 'files',
      handle: () => ({ status: 200, headers: {}, body }),
    }))
    const controller = new AbortController()
    const response = await fetch(server.origin, { signal: controller.signal })
    await response.body?.getReader().read()
    controller.abort()
    await settled(() => hasStopped && seen[0]?.wasAborted === true)
    expect(seen[0]?.status).toBe(200)
    expect(chunks).toBeLessThan(1_000)
  })

  it('cuts the connection when the body breaks after its headers', async () => {
    const broken = function* () {
      yield new Uint8Array(5)
      throw new Error('the disk is gone')
    }
    const body = { ...bytesBody(new Uint8Array(10)), read: broken }
    const { server, seen } = await start(() => ({
      endpoint: 'files',
      handle: () => ({ status: 200, headers: {}, body }),
    }))
    const response = await fetch(server.origin)
    await expect(response.arrayBuffer()).rejects.toThrow('terminated')
    expect(seen[0]).toMatchObject({ status: 200, wasAborted: false })
  })

  it('does not answer a client that left while its request was handled', async () => {
    const handled = Promise.withResolvers<void>()
    const { server, seen } = await start(() => ({
      endpoint: 'files',
      handle: async () => {
        await handled.promise
        return textReply(200, 'late')
      },
    }))
    const controller = new AbortController()
    const call = fetch(server.origin, { signal: controller.signal })
    await settled(() => seen.length === 1)
    controller.abort()
    await expect(call).rejects.toThrow('aborted')
    await settled(() => seen[0]?.wasAborted === true)
    handled.resolve()
    await handled.promise
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen[0]).not.toHaveProperty('status')
  })
})
