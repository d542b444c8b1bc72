import { once } from 'node:events'
import { Agent, request as nodeRequest } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FRAMEWORKS, type Framework } from './frameworks.js'
import { rawClient } from './raw-client.js'
import { serve } from './serve.js'
import { stubHandler } from './stub-handler.js'

async function start({ prefix, start }: Framework) {
  const stub = stubHandler()
  const server = await start(stub.handle)
  const { origin, port } = await serve(server)
  return { stub, server, port, path: (kind: string) => `${prefix}/${kind}`, base: `${origin}${prefix}` }
}

describe.each(Object.entries(FRAMEWORKS))('a Fetch handler on %s', (_, framework: Framework) => {
  it('gets the request unchanged, its JSON too', async () => {
    const { base } = await start(framework)
    const answer = await fetch(`${base}/echo?a=1%202`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-a': '1' },
      body: '{"prompt":"A cat","n":[1,null]}',
    })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(await answer.json()).toMatchObject({
      method: 'POST',
      url: `${base}/echo?a=1%202`,
      headers: { 'x-a': '1', 'content-length': '31' },
      body: '{"prompt":"A cat","n":[1,null]}',
    })
  })

  it('streams event by event, its status before them', async () => {
    const { base, stub } = await start(framework)
    const answering = fetch(`${base}/stream`)
    const visit = await stub.visit()
    const reader = (await answering).body?.pipeThrough(new TextDecoderStream()).getReader()
    for (const text of ['data: 1\n\n', 'data: 2\n\n']) {
      visit.push(text)
      expect(await reader?.read()).toEqual({ done: false, value: text })
    }
    visit.end()
    expect(await reader?.read()).toMatchObject({ done: true })
  })

  it('is aborted when the client leaves before there were headers', async () => {
    const { path, port, stub } = await start(framework)
    const client = rawClient(port)
    client.write(`GET ${path('late')} HTTP/1.1\r\nhost: a\r\n\r\n`)
    const visit = await stub.visit()
    client.socket.destroy()
    await visit.aborted
    visit.answer()
    await visit.cancelled
  })

  it('is aborted when the client leaves in mid-stream, while its stream waits', async () => {
    const { path, port, stub } = await start(framework)
    const client = rawClient(port)
    client.write(`GET ${path('stream')} HTTP/1.1\r\nhost: a\r\n\r\n`)
    const visit = await stub.visit()
    visit.push('data: 1\n\n')
    await client.until(/data: 1/)
    client.socket.resetAndDestroy()
    await Promise.all([visit.cancelled, visit.aborted])
  })

  it('is not aborted by a client that leaves after the end', async () => {
    const { path, port, stub, server } = await start(framework)
    const client = rawClient(port)
    const [, [socket]] = await Promise.all([
      client.write(`POST ${path('stream')} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n`),
      once(server, 'connection'),
    ])
    const visit = await stub.visit()
    visit.push('data: [DONE]\n\n')
    visit.end()
    await client.until(/(?:content-length: 14[\s\S]*DONE\]\n\n|\r\n0\r\n\r\n)$/i)
    client.socket.destroy()
    await once(socket, 'close')
    const first = Promise.race([
      visit.aborted.then(() => 'aborted'),
      visit.cancelled.then(() => 'cancelled'),
      'nothing',
    ])
    expect([await first, visit.request.signal.aborted]).toEqual(['nothing', false])
  })

  it('is called again on a connection whose last body it did not read', async () => {
    const { base } = await start(framework)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    const ports = new Set<number | undefined>()
    for (const size of [framework.bodyLimit ?? 2_000_000, 10]) {
      const headers = { 'content-type': 'text/plain' }
      const call = nodeRequest(`${base}/unread`, { method: 'POST', headers, agent })
      call.on('socket', (socket) => socket.once('connect', () => ports.add(socket.localPort)))
      call.end(Buffer.alloc(size))
      const [response] = await once(call, 'response')
      ports.add(call.socket?.localPort)
      expect(Buffer.concat(await response.toArray()).toString()).toBe('not read')
    }
    expect(ports.size).toBe(1)
  })
})
