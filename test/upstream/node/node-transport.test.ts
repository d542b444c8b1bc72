import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import type { Answer } from '../../../src/upstream/answer.js'
import { hasNodeTransport, nodeTransport } from '../../../src/upstream/node/node-transport.js'
import type { OutgoingStream } from '../../../src/upstream/outgoing-request.js'
import { eventually } from '../../support/eventually.js'
import { deadOrigin, json, loopbackServer } from '../loopback-server.js'
import { stageContext } from '../stage-context.js'

const signal = new AbortController().signal

afterEach(() => {
  vi.unstubAllGlobals()
})

const textOf = async (answer: Answer) => (await answer.read(1_000_000, signal)).text

/** A server that writes bytes unchanged, to each connection. */
async function rawServer(
  write: (connection: number) => readonly string[],
): Promise<{ origin: string; connections(): number }> {
  let connections = 0
  const server = createTcpServer((socket) => {
    connections += 1
    const parts = write(connections)
    socket.on('error', () => undefined)
    socket.once('data', () => {
      for (const part of parts) socket.write(part)
      socket.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => connections }
}

describe('nodeTransport', () => {
  it.each([
    ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['103 Early Hints', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'],
    ['two of them', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'],
  ])('survives an unexpected %s', async (_, early) => {
    const { origin } = await rawServer(() => [early, 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'])
    const response = await nodeTransport({ method: 'POST', url: `${origin}/`, json: { a: 1 }, signal })
    expect([response.status, await textOf(response)]).toEqual([200, 'ok'])
  })

  it('fails at once when a server switches to another protocol', async () => {
    const { origin } = await rawServer(() => [
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    ])
    const answer = nodeTransport({ method: 'POST', url: `${origin}/`, json: { a: 1 }, signal })
    await expect(answer).rejects.toThrow('the connection was closed before it')
  })

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    // As servers send it that leave out the zlib header.
    ['deflate', deflateRawSync],
    ['gzip, br', (text: string) => brotliCompressSync(gzipSync(text))],
    ['deflate,GZIP', (text: string) => gzipSync(deflateRawSync(text))],
    ['identity', (text: string) => Buffer.from(text)],
    ['zstd', zstdCompressSync],
    ['utf-8', (text: string) => Buffer.from(text)],
  ] as const)('decodes %s', async (encoding, encode) => {
    const server = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(encode('{"id":"video_1"}'))
    })
    const response = await nodeTransport({ method: 'GET', url: server.origin, signal })
    expect(await textOf(response)).toBe('{"id":"video_1"}')
  })

  it('sends JSON, a form and bytes with their length and type', async () => {
    const server = await loopbackServer(json(200, {}))
    const form = new FormData()
    form.set('prompt', 'a cat')
    form.set('file', new Blob(['abc'], { type: 'image/png' }), 'a.png')
    const url = `${server.origin}/v1/videos?a=b`
    await nodeTransport({ method: 'POST', url, json: { prompt: 'ü' }, signal })
    await nodeTransport({ method: 'POST', url, form, signal })
    await nodeTransport({
      method: 'PUT',
      url,
      bytes: new Uint8Array([1, 2, 3]),
      headers: { 'content-type': 'video/mp4' },
      signal,
    })
    const [first, second, third] = server.seen
    expect(first).toMatchObject({
      method: 'POST',
      url: '/v1/videos?a=b',
      headers: { 'content-type': 'application/json', 'content-length': '15' },
    })
    expect(first?.body.toString()).toBe('{"prompt":"ü"}')
    expect(second?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
    expect(second?.body.toString()).toMatch(
      /name="prompt"\r\n\r\na cat\r\n[\s\S]*filename="a.png"\r\nContent-Type: image\/png\r\n\r\nabc\r\n/,
    )
    expect(third).toMatchObject({ method: 'PUT', headers: { 'content-type': 'video/mp4', 'content-length': '3' } })
  })

  it('opens a connection for each submission, and shares one among polls', async () => {
    const ports: (number | undefined)[] = []
    const server = await loopbackServer((_, response, request) => {
      ports.push(request.socket.remotePort)
      response.end('{}')
    })
    for (const method of ['POST', 'POST', 'GET', 'GET'] as const) {
      await textOf(await nodeTransport({ method, url: server.origin, signal }))
    }
    expect(new Set(ports.slice(0, 2)).size).toBe(2)
    expect(new Set(ports.slice(2)).size).toBe(1)
  })

  it('follows no redirect, and reads answers without a body', async () => {
    const server = await loopbackServer((request, response) => {
      response.writeHead(request.url === '/moved' ? 302 : 204, { location: '/' }).end()
    })
    expect((await nodeTransport({ method: 'GET', url: `${server.origin}/moved`, signal })).status).toBe(302)
    const empty = await nodeTransport({ method: 'GET', url: server.origin, signal })
    expect([empty.status, await textOf(empty)]).toEqual([204, ''])
  })

  it('ends at once when it is aborted, before the answer and in the middle of it', async () => {
    const server = await loopbackServer((request, response) => {
      if (request.url === '/half') response.writeHead(200).write('half')
    })
    const reason = new Error('the user left')
    const early = new AbortController()
    const asked = nodeTransport({ method: 'GET', url: server.origin, signal: early.signal })
    await eventually(() => expect(server.seen).toHaveLength(1))
    early.abort(reason)
    await expect(asked).rejects.toBe(reason)
    const late = new AbortController()
    const response = await nodeTransport({ method: 'GET', url: `${server.origin}/half`, signal: late.signal })
    late.abort(reason)
    await expect(response.read(100, late.signal)).rejects.toBe(reason)
    await eventually(() => expect(server.sockets.size).toBe(0))
  })

  it.each(['HTTP/1.1 999 Odd\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf', 'nonsense\r\n\r\n'])(
    'rejects an incomplete answer: %j',
    async (bytes) => {
      const { origin } = await rawServer(() => [bytes])
      await expect(nodeTransport({ method: 'GET', url: origin, signal }).then(textOf)).rejects.toThrow()
    },
  )
})

describe('polls of one origin', () => {
  /** A server that holds every request until it is told to answer. */
  async function holdingServer() {
    const held: (() => void)[] = []
    const server = await loopbackServer((_, response) => void held.push(() => response.end('{}')))
    return { server, held }
  }

  it('share 64 connections, and the 65th poll waits for one', async () => {
    const { server, held } = await holdingServer()
    const poll = async () => textOf(await nodeTransport({ method: 'GET', url: server.origin, signal }))
    const polls = Array.from({ length: 200 }, poll)
    await eventually(() => expect(held).toHaveLength(64))
    const seen = new Set<unknown>()
    while (held.length > 0) {
      for (const socket of server.sockets) seen.add(socket)
      for (const answer of held.splice(0)) answer()
      await eventually(() => expect(held.length > 0 || server.seen.length === 200).toBe(true))
    }
    await Promise.all(polls)
    expect([server.seen.length, seen.size]).toEqual([200, 64])
  })

  it('that wait end at once when they are aborted, are not sent, and submissions do not wait', async () => {
    const { server, held } = await holdingServer()
    const send = (method: 'GET' | 'POST', own: AbortSignal = signal) =>
      nodeTransport({ method, url: server.origin, signal: own, maxSockets: 1 })
    const first = send('GET')
    await eventually(() => expect(held).toHaveLength(1))
    const controller = new AbortController()
    const waiting = send('GET', controller.signal)
    const last = send('GET')
    controller.abort('enough')
    await expect(waiting).rejects.toBe('enough')
    const submission = send('POST')
    await eventually(() => expect(held).toHaveLength(2))
    for (const answer of held.splice(0)) answer()
    await Promise.all([first, submission].map(async (answer) => textOf(await answer)))
    await eventually(() => expect(held).toHaveLength(1))
    held[0]?.()
    await textOf(await last)
    expect(server.seen.map(({ method }) => method)).toEqual(['GET', 'POST', 'GET'])
  })

  it('make no Request, Response, Headers, web stream or combined signal', async () => {
    const server = await loopbackServer(json(200, { id: 'video_1', object: 'video', status: 'queued' }))
    const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, apiKey: 'canary-key-1' })
    await generator.poll({ id: 'video_1' }, stageContext())
    const made = ['Request', 'Response', 'Headers', 'ReadableStream'] as const
    for (const name of made) vi.stubGlobal(name, vi.fn())
    const any = vi.spyOn(AbortSignal, 'any')
    const parse = vi.spyOn(JSON, 'parse')
    onTestFinished(() => void vi.restoreAllMocks())
    expect(await generator.poll({ id: 'video_1' }, stageContext())).toEqual({ state: 'queued', phase: 'queued' })
    for (const name of made) expect(globalThis[name]).not.toHaveBeenCalled()
    expect([any.mock.calls.length, parse.mock.calls.length]).toEqual([0, 1])
  })
})

describe('a streamed body', () => {
  const put = (url: string, stream: OutgoingStream, headers: Record<string, string> = {}) =>
    nodeTransport({ method: 'PUT', url, stream, headers, signal })

  it.each([
    [undefined, { 'transfer-encoding': 'chunked' }],
    [6, { 'content-length': '6' }],
  ])('is sent unchanged when its length is %s, on a connection of its own', async (byteLength, headers) => {
    const server = await loopbackServer(json(201, {}))
    for (let turn = 0; turn < 2; turn += 1) {
      const { source } = watched([Uint8Array.of(1, 2, 3), Uint8Array.of(), Uint8Array.of(4, 5, 6)])
      await textOf(await put(server.origin, { chunks: source, byteLength }))
    }
    expect(server.seen).toMatchObject([
      { headers: { ...headers, connection: 'close' } },
      { headers: { ...headers, connection: 'close' } },
    ])
    expect([...(server.seen[1]?.body ?? [])]).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('waits for no 100 Continue, and is not disturbed by one', async () => {
    const server = await loopbackServer(json(201, {}))
    const { source } = watched([Uint8Array.of(1)])
    const answer = await put(server.origin, { chunks: source }, { expect: '100-continue' })
    expect([answer.status, server.seen[0]?.body.length]).toEqual([201, 1])
  })

  it('is answered before it was sent: the answer counts, and the source is closed', async () => {
    const server = createServer((_, response) => void response.writeHead(412).end('it exists')).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { source, state } = watched(endless())
    const answer = await put(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, { chunks: source })
    expect([answer.status, await textOf(answer)]).toEqual([412, 'it exists'])
    await eventually(() => expect(state.isClosed).toBe(true))
  })

  it.each([2, 4])('of 3 bytes that announces %i fails, and the server gets no whole request', async (byteLength) => {
    const server = await loopbackServer(json(201, {}))
    const { source, state } = watched([Uint8Array.of(1, 2, 3)])
    await expect(put(server.origin, { chunks: source, byteLength })).rejects.toThrow(`is not ${byteLength} bytes`)
    await eventually(() => expect([state.isClosed, server.sockets.size]).toEqual([true, 0]))
    expect(server.seen).toEqual([])
  })

  it('is closed when the request is aborted, also while the server takes nothing', async () => {
    const deaf = createTcpServer({ pauseOnConnect: true }, (socket) => void socket.on('error', () => undefined))
    deaf.listen(0, '127.0.0.1')
    onTestFinished(() => void deaf.close())
    await once(deaf, 'listening')
    const controller = new AbortController()
    const { source, state } = watched(endless())
    const sending = nodeTransport({
      method: 'PUT',
      url: `http://127.0.0.1:${(deaf.address() as AddressInfo).port}`,
      stream: { chunks: source },
      signal: controller.signal,
    })
    await eventually(() => expect(state.read).toBeGreaterThan(0))
    controller.abort()
    await expect(sending).rejects.toThrow()
    await eventually(() => expect(state.isClosed).toBe(true))
  })
})

function* endless(): Generator<Uint8Array<ArrayBuffer>> {
  while (true) yield new Uint8Array(65_536)
}

/** A source of a stream, and what became of it. */
function watched(chunks: Iterable<Uint8Array<ArrayBuffer>>) {
  const state = { read: 0, isClosed: false }
  async function* read() {
    try {
      for (const chunk of chunks) {
        state.read += 1
        yield chunk
      }
    } finally {
      state.isClosed = true
    }
  }
  return { source: read(), state }
}

describe('a generator', () => {
  it('goes over node:http while fetch is Node’s own, and over another fetch that is in its place', async () => {
    const server = await loopbackServer(json(200, { id: 'video_1', status: 'queued' }))
    const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, apiKey: 'k' })
    expect(hasNodeTransport()).toBe(true)
    await generator.start({ prompt: 'a' }, stageContext())
    const asked: string[] = []
    vi.stubGlobal('fetch', async (input: string | URL | Request) => {
      asked.push(String(input instanceof Request ? input.url : input))
      return Response.json({ id: 'video_2', status: 'queued' })
    })
    expect(hasNodeTransport()).toBe(false)
    expect(await generator.start({ prompt: 'a' }, stageContext())).toMatchObject({ operation: { id: 'video_2' } })
    expect([server.seen.length, asked]).toEqual([1, [`${server.origin}/v1/videos`]])
  })

  it('goes through the agent that it is given', async () => {
    const server = await loopbackServer(json(200, { id: 'video_1', status: 'queued' }))
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    const createConnection = vi.spyOn(agent, 'createConnection' as never)
    const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, agent })
    await generator.start({ prompt: 'a' }, stageContext())
    await generator.poll({ id: 'video_1' }, stageContext())
    expect(createConnection).toHaveBeenCalledTimes(1)
  })

  it('goes through a proxy, by an agent that opens a tunnel', async () => {
    const server = await loopbackServer(json(200, { id: 'video_1', status: 'queued' }))
    const tunnels: string[] = []
    const proxy = createServer().on('connect', ({ url = '' }, client: Socket) => {
      tunnels.push(url)
      const { hostname, port } = new URL(`http://${url}`)
      const target = connect(Number(port), hostname, () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
        client.pipe(target).pipe(client)
      })
      for (const socket of [client, target]) socket.on('error', () => undefined)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void proxy.close())
    const agent = tunnelAgent((proxy.address() as AddressInfo).port)
    const generator = videosApiGenerator({ baseUrl: `${server.origin}/v1`, agent })
    expect(await generator.start({ prompt: 'a' }, stageContext())).toMatchObject({ operation: { id: 'video_1' } })
    await generator.poll({ id: 'video_1' }, stageContext())
    expect(server.seen.map(({ method }) => method)).toEqual(['POST', 'GET'])
    expect(new Set(tunnels)).toEqual(new Set([new URL(server.origin).host]))
  })

  it('reports that nothing was sent when the proxy is down', async () => {
    const server = await loopbackServer(json(200, { id: 'video_1', status: 'queued' }))
    const dead = await deadOrigin()
    const generator = videosApiGenerator({
      baseUrl: `${server.origin}/v1`,
      agent: tunnelAgent(Number(new URL(dead).port)),
    })
    await expect(generator.start({ prompt: 'a' }, stageContext())).rejects.toMatchObject({
      code: 'network',
      isRefusal: true,
    })
    expect(server.seen).toEqual([])
  })
})

/** As the agents for proxies do it: a tunnel through the proxy for each connection. */
function tunnelAgent(proxyPort: number): Agent {
  const agent = new Agent()
  const createConnection = (
    { host, port }: { readonly host: string; readonly port: number },
    done: (error: Error | null, socket?: Socket) => void,
  ) => {
    request({ host: '127.0.0.1', port: proxyPort, method: 'CONNECT', path: `${host}:${port}` })
      .on('connect', (_, socket) => done(null, socket))
      .on('error', done)
      .end()
  }
  return Object.assign(agent, { createConnection })
}
