import type { Agent, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { OutgoingRequest, OutgoingStream } from './outgoing-request.js'
import { piecesOf, writeStream } from './write-stream.js'

// Loaded at first use, because they take longer to load than the rest of the library; if they are missing, fetch is
// used.
const builtin = typeof process === 'object' ? process.getBuiltinModule : undefined
const MOST_SOCKETS = 64
const SHARED: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT'])
const MOST_AT_ONCE = 65_536
const IDLE_MS = 15_000
const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304])
const ENCODINGS = 'gzip, deflate, br'
type Zlib = Omit<typeof import('node:zlib'), 'createZstdDecompress'> &
  Partial<Pick<typeof import('node:zlib'), 'createZstdDecompress'>>
let agents: Readonly<Record<'http:' | 'https:', Agent>> | undefined

const platformFetch = globalThis.fetch

/**
 * Whether a request goes over `node:http` rather than `fetch`: on Node and Deno, if their own `fetch` was not replaced.
 * Node's `fetch` ends a request after 300 seconds and fails on an unexpected `100 Continue`. Deno's sends a `POST` again
 * when a reused connection is reset, and its errors do not show whether anything was sent.
 */
export function hasNodeTransport(): boolean {
  if (builtin === undefined) return false
  const isDeno = 'Deno' in globalThis && globalThis.fetch === platformFetch
  return isDeno || /undici/i.test(String(globalThis.fetch))
}

/**
 * Sends exactly one request over `node:http` or `node:https`, follows no redirect, and has no time limit other than
 * the signal. A `POST` and a stream open their own connection, so that neither is written to one that the server is
 * closing; other requests of one origin share up to 64. Rejects with the raw error.
 */
export async function nodeTransport(outgoing: OutgoingRequest): Promise<Response> {
  return exchange(outgoing, await bodyOf(outgoing))
}

interface Body {
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined
  readonly pieces?: OutgoingStream | undefined
  readonly stream?: OutgoingStream | undefined
  readonly type?: string | undefined
}

function exchange(
  { method, url, headers = {}, signal, agent }: OutgoingRequest,
  { bytes, pieces, stream, type }: Body,
) {
  return new Promise<Response>((resolve, reject) => {
    signal.throwIfAborted()
    const target = new URL(url)
    const isSecure = target.protocol === 'https:'
    // Called on the module's object, whose functions a network mock replaces in a test.
    const { request: send } = isSecure ? part('node:https') : part('node:http')
    const byteLength = (bytes ?? pieces ?? stream)?.byteLength
    const isShared = stream === undefined && SHARED.has(method)
    const request = send(target, {
      method,
      agent: agent ?? (isShared ? kept()[isSecure ? 'https:' : 'http:'] : false),
      headers: {
        'user-agent': 'node',
        'accept-encoding': ENCODINGS,
        ...(type !== undefined && { 'content-type': type }),
        ...headers,
        ...(byteLength !== undefined && { 'content-length': String(byteLength) }),
      },
      signal,
    })
    request.on('error', reject)
    request.once('response', (message) => {
      // An answer before the whole body was sent: the server wants no more of it.
      message.once('end', () => request.writableFinished || request.destroy())
      try {
        resolve(responseOf(message))
      } catch (error) {
        message.destroy()
        reject(error)
      }
    })
    const body = pieces ?? stream
    if (body === undefined) request.end(bytes)
    else void writeStream(request, body)
  })
}

function responseOf(message: IncomingMessage): Response {
  const { statusCode: status = 0, headersDistinct } = message
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  // The reader of the body gets the error; without a reader it is ignored.
  message.on('error', () => undefined)
  if (NULL_BODY.has(status)) {
    message.resume()
    return new Response(null, { status, headers })
  }
  return new Response(part('node:stream').Readable.toWeb(decoded(message, headers)) as ReadableStream, {
    status,
    headers,
  })
}

function decoded(message: IncomingMessage, headers: Headers): Readable {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase()
  const decoder = encoding === undefined ? undefined : decoderOf(encoding)
  if (decoder === undefined) return message
  const { pipeline } = part('node:stream')
  return pipeline(message, decoder, () => undefined)
}

function decoderOf(encoding: string) {
  // Before Node 22.15 it has no zstd.
  const zlib: Zlib = part('node:zlib')
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return zlib.createGunzip()
    case 'deflate':
      return zlib.createInflate()
    case 'br':
      return zlib.createBrotliDecompress()
    case 'zstd':
      return zlib.createZstdDecompress?.()
    default:
      return undefined
  }
}

async function bodyOf({ json, form, bytes, stream }: OutgoingRequest): Promise<Body> {
  if (json !== undefined) return { bytes: Buffer.from(JSON.stringify(json)), type: 'application/json' }
  if (bytes !== undefined && (!('byteLength' in bytes) || bytes.length > MOST_AT_ONCE))
    return { pieces: piecesOf(bytes) }
  if (form === undefined) return { bytes, stream }
  const encoded = new Response(form)
  return { bytes: new Uint8Array(await encoded.arrayBuffer()), type: encoded.headers.get('content-type') ?? undefined }
}

function kept() {
  const options = { keepAlive: true, maxSockets: MOST_SOCKETS, timeout: IDLE_MS }
  agents ??= { 'http:': new (part('node:http').Agent)(options), 'https:': new (part('node:https').Agent)(options) }
  return agents
}

function part<Id extends 'node:http' | 'node:https' | 'node:stream' | 'node:zlib'>(id: Id) {
  // `hasNodeTransport` checked before that the module exists.
  return (builtin as NonNullable<typeof builtin>)(id)
}
