import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { checkArgument } from '../../contracts/check-argument.js'
import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import { isFields } from '../../contracts/is-fields.js'
import { choice, rule } from '../../contracts/option-rules.js'
import type { FaultConnection, FaultHandler, FaultRequest } from './fault-connection.js'
import { reply } from './reply.js'
import { type CertificateFlaw, testCertificate } from './test-certificate.js'

/**
 * The behaviour of a server by path: `{ '/a.mp4': handler, 'HEAD /a.mp4': handler, '/v1/videos/*': [first, second]
 * }`. A key is a path without query, after a method or for all methods; a final `*` matches any rest. The first
 * matching key counts. The handlers of a list are used call by call, the last one repeatedly. A request without a
 * matching key is answered with 404.
 */
export type FaultRoutes = Readonly<Record<string, FaultHandler | readonly FaultHandler[]>>

/** Options of {@link faultServer}. */
export interface FaultServerOptions {
  /**
   * Uses TLS with a certificate that no client trusts by default, is expired or names another host. It is created at
   * the start.
   * @defaultValue none: plain HTTP
   */
  readonly tls?: CertificateFlaw | undefined
}

const RULES: OptionRules<FaultServerOptions> = { tls: choice('self-signed', 'expired', 'wrong-host') }
const ROUTES = rule(isFields, 'give an object of handlers by path')

/** A server on 127.0.0.1 that misbehaves as configured. */
export interface FaultServer {
  /** Such as `http://127.0.0.1:40001`. */
  readonly origin: string
  /** Every request that was read completely, in order. */
  readonly requests: readonly FaultRequest[]
  /** The certificate as PEM; absent without TLS. A client has to trust it before it checks more than its signer. */
  readonly certificate?: string
  /** An origin that refuses connections until the server is closed: its port is reserved, but has no listener. */
  refusedOrigin(): Promise<string>
  /** Ends every connection and every wait. Idempotent. */
  close(): Promise<void>
}

type LogEntry = { -readonly [Field in keyof FaultRequest]: FaultRequest[Field] }

/**
 * Starts a real server on a free port of 127.0.0.1 whose paths misbehave as configured, also below HTTP. It can do
 * what no interceptor of requests can, such as a reset after a few bytes.
 *
 * @example
 * ```ts
 * import { cutReply, faultServer, replyFile, resetConnection } from 'sora-pipeline/testing'
 *
 * const video = replyFile(new Uint8Array(4000))
 * const server = await faultServer({ '/a.mp4': [resetConnection(), cutReply(video, { afterBytes: 100 }), video] })
 * console.log(server.origin, server.requests.length)
 * await server.close()
 * ```
 */
export async function faultServer(routes: FaultRoutes, options: FaultServerOptions = {}): Promise<FaultServer> {
  checkOptions('faultServer', options, RULES)
  checkArgument('faultServer', 'routes', routes, ROUTES)
  const requests: LogEntry[] = []
  const sockets = new Set<Socket>()
  const handlerOf = playRoutes(routes)
  const certificate = options.tls && testCertificate(options.tls)
  // The server waits for clients that send nothing, because the client's limits are under test.
  const patience = { headersTimeout: 0, requestTimeout: 0 }
  const listener = (request: IncomingMessage) => void serve(request, requests, handlerOf)
  const server = certificate
    ? createHttpsServer({ ...patience, ...certificate }, listener)
    : createHttpServer(patience, listener)
  const keep = (socket: Socket) => {
    sockets.add(socket)
    // The log records whatever ends a connection.
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket))
  }
  server.on('connection', keep).on('secureConnection', keep)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`,
    requests,
    ...(certificate && { certificate: certificate.cert }),
    refusedOrigin: () =>
      new Promise((resolve, reject) => {
        // The local end of an open connection occupies its port without listening.
        const holder: Socket = connect({ port, host: '127.0.0.1' }, () => {
          keep(holder)
          resolve(`http://127.0.0.1:${holder.localPort}`)
        }).once('error', reject)
      }),
    close: () =>
      new Promise((resolve) => {
        // The only possible error is that the server is already closed.
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function playRoutes(routes: FaultRoutes): (method: string, path: string) => FaultHandler {
  const plays = Object.entries(routes).map(([key, plan]) => {
    const [, method, pattern = ''] = /^(?:([A-Z]+) )?(.*)$/s.exec(key) ?? []
    const fits = pattern.endsWith('*')
      ? (path: string) => path.startsWith(pattern.slice(0, -1))
      : (path: string) => path === pattern
    return { method, fits, handlers: typeof plan === 'function' ? [plan] : plan, calls: 0 }
  })
  return (method, path) => {
    const play = plays.find((one) => (one.method === undefined || one.method === method) && one.fits(path))
    if (play === undefined) return reply({ status: 404 })
    const handler = play.handlers[play.calls] ?? play.handlers.at(-1)
    play.calls += 1
    return handler ?? reply({ status: 404 })
  }
}

async function serve(
  message: IncomingMessage,
  requests: LogEntry[],
  handlerOf: ReturnType<typeof playRoutes>,
): Promise<void> {
  const { socket, method = 'GET', url = '/' } = message
  const gone = new AbortController()
  let request: LogEntry | undefined
  let isEnded = false
  socket.once('close', () => {
    if (request) request.wasAborted = !isEnded
    gone.abort()
  })
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of message) chunks.push(chunk)
  } catch {
    return // The client disconnected in the middle of its request, so there is none.
  }
  request = {
    method,
    path: url,
    headers: flatHeaders(message),
    body: Buffer.concat(chunks),
    at: Date.now(),
    wasAborted: false,
  }
  requests.push(request)
  const connection: FaultConnection = {
    request,
    signal: gone.signal,
    send: (bytes) =>
      new Promise((resolve) => {
        if (isEnded || socket.destroyed) resolve()
        else socket.write(bytes, () => resolve())
      }),
    end(how) {
      isEnded = true
      if (how === 'close') socket.end()
      else if ('encrypted' in socket) socket.destroy()
      else socket.resetAndDestroy()
    },
  }
  try {
    await handlerOf(method, url.split('?', 1)[0] ?? url)(connection)
  } catch (error) {
    // A custom handler: its bug is reported to the client, where the test sees it.
    await reply({ status: 500, body: `The handler threw: ${String(error)}` })(connection)
  }
}

function flatHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? value : value.join(', ')]],
    ),
  )
}
