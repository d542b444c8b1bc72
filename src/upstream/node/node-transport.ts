import type { Agent, AgentOptions } from 'node:http'
import type { Answer } from '../answer.js'
import type { OutgoingRequest, OutgoingStream } from '../outgoing-request.js'
import { NodeAnswer } from './node-answer.js'
import { hasNodeParts, nodePart } from './node-part.js'
import { piecesOf, writeStream } from './write-stream.js'

const MOST_SOCKETS = 64
const IDLE_MS = 15_000
const SHARED: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT'])
const MOST_AT_ONCE = 65_536
const ENCODINGS = 'gzip, deflate, br'

const platformFetch = globalThis.fetch
let checked: { readonly fetch: typeof globalThis.fetch; readonly isOwn: boolean } | undefined

/**
 * Whether a request goes over `node:http` rather than `fetch`: on Node and Deno, if their own `fetch` was not replaced.
 * Node's `fetch` ends a request after 300 seconds and fails on an unexpected `100 Continue`. Deno's sends a `POST` again
 * when a reused connection is reset, and its errors do not show whether anything was sent.
 */
export function hasNodeTransport(): boolean {
  if (!hasNodeParts) return false
  const { fetch } = globalThis
  if (checked?.fetch !== fetch) {
    const isDeno = 'Deno' in globalThis && fetch === platformFetch
    checked = { fetch, isOwn: isDeno || /undici/i.test(String(fetch)) }
  }
  return checked.isOwn
}

/**
 * Sends exactly one request over `node:http` or `node:https`, follows no redirect, and has no time limit other than
 * the signal. A `POST` and a stream open their own connection, so that neither is written to one that the server is
 * closing; other requests of one origin share up to `maxSockets`, and wait for one of them. Rejects with the raw
 * error, and with the reason of an abort at once.
 */
export async function nodeTransport(outgoing: OutgoingRequest): Promise<Answer> {
  const body = outgoing.form === undefined ? bodyOf(outgoing) : await formBody(outgoing.form)
  outgoing.signal.throwIfAborted()
  outgoing.confirm?.()
  return exchange(outgoing, body)
}

interface Body {
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined
  readonly pieces?: OutgoingStream | undefined
  readonly stream?: OutgoingStream | undefined
  readonly type?: string | undefined
}

function exchange(outgoing: OutgoingRequest, { bytes, pieces, stream, type }: Body) {
  const { method, url, headers = {}, signal, maxSockets = MOST_SOCKETS } = outgoing
  return new Promise<Answer>((resolve, reject) => {
    const { protocol, hostname, port, pathname, search } = new URL(url)
    const isSecure = protocol === 'https:'
    // Called on the module's object, whose functions a network mock replaces in a test.
    const { request: send } = isSecure ? nodePart('node:https') : nodePart('node:http')
    const byteLength = (bytes ?? pieces ?? stream)?.byteLength
    const isShared = stream === undefined && SHARED.has(method)
    const request = send({
      protocol,
      hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
      port,
      path: pathname + search,
      method,
      agent: outgoing.agent ?? agentOf(isSecure, isShared ? maxSockets : undefined),
      headers: {
        'user-agent': 'node',
        'accept-encoding': ENCODINGS,
        ...(type !== undefined && { 'content-type': type }),
        ...headers,
        ...(byteLength !== undefined && { 'content-length': String(byteLength) }),
      },
    })
    let isAnswered = false
    // A request that waits for a connection closes only when it gets one.
    const abort = () => {
      reject(signal.reason)
      request.destroy()
    }
    signal.addEventListener('abort', abort, { once: true })
    request
      .on('error', reject)
      .once('close', () => {
        signal.removeEventListener('abort', abort)
        // Without an answer or an error, such as after a 101. An error is expensive to create.
        if (!isAnswered) reject(new Error('Could not read the answer: the connection was closed before it'))
      })
      .once('response', (message) => {
        isAnswered = true
        // An answer before the whole body was sent: the server wants no more of it.
        message.once('end', () => request.writableFinished || request.destroy())
        try {
          resolve(new NodeAnswer(message))
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

function bodyOf({ json, bytes, stream }: OutgoingRequest): Body {
  if (json !== undefined) return { bytes: Buffer.from(JSON.stringify(json)), type: 'application/json' }
  if (bytes !== undefined && (!('byteLength' in bytes) || bytes.length > MOST_AT_ONCE))
    return { pieces: piecesOf(bytes) }
  return { bytes, stream }
}

async function formBody(form: FormData): Promise<Body> {
  const encoded = new Response(form)
  return { bytes: new Uint8Array(await encoded.arrayBuffer()), type: encoded.headers.get('content-type') ?? undefined }
}

const agents = new Map<string, Agent>()

// With `maxSockets` for each origin, of which the idle ones are closed and do not keep the process alive; without it a
// connection serves one request. TLS sessions are remembered either way. Node's own agent has the proxy
// of the environment, if the process was started with one.
function agentOf(isSecure: boolean, maxSockets: number | undefined): Agent {
  const key = `${isSecure} ${maxSockets}`
  const known = agents.get(key)
  if (known !== undefined) return known
  const { Agent: Own, globalAgent } = isSecure ? nodePart('node:https') : nodePart('node:http')
  const { proxyEnv } = (globalAgent as { readonly options?: AgentOptions }).options ?? {}
  const kept = maxSockets === undefined ? {} : { keepAlive: true, maxSockets, timeout: IDLE_MS }
  const agent = new Own({ ...kept, ...(proxyEnv !== undefined && { proxyEnv }) })
  agents.set(key, agent)
  return agent
}
