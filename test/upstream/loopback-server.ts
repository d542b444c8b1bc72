import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import { eventually } from '../support/eventually.js'

/** A request as a server saw it. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** A real server on loopback that is closed, with its connections, when the test ends. */
export interface LoopbackServer {
  readonly origin: string
  readonly seen: SeenRequest[]
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>
}

type Handler = (request: SeenRequest, ...rest: [Parameters<RequestListener>[1], IncomingMessage]) => unknown

export async function loopbackServer(handler: Handler, host = '127.0.0.1'): Promise<LoopbackServer> {
  const seen: SeenRequest[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return // The client went away in the middle of its request, as some tests have it.
    }
    const { method = '', url = '', headers } = request
    const known = { method, url, headers, body: Buffer.concat(chunks) }
    seen.push(known)
    await handler(known, response, request)
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, sockets }
}

/** Resolves when no connection of a server is open any more; the fetch of Node 22 opens another one after an abort, for up to 4 s. */
export async function allClosed({ sockets }: Pick<LoopbackServer, 'sockets'>): Promise<void> {
  await eventually(() => expect(sockets.size).toBe(0))
}

/** A handler that answers with JSON. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Handler {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
}

/** Bytes that begin like an MP4 and continue with a pattern that shows every shift. */
export function videoBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let index = 0; index < length; index += 1) bytes[index] = (index * 7 + (index >> 8)) & 255
  bytes.write('\0\0\0\x18ftypisom', 0, 'latin1')
  return bytes
}

/** Resolves when a response takes more, or is over. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}

/** An address with a closed port. */
export async function deadOrigin(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}
