import { lazyPart } from '../contracts/lazy-part.js'
import { moduleNow } from '../contracts/module-now.js'
import { abortable } from './abortable.js'
import type { Answer } from './answer.js'
import { readBodyText } from './body-text.js'
import { hasNodeTransport, nodeTransport } from './node/node-transport.js'
import type { Fetch, OutgoingBytes, OutgoingRequest, OutgoingStream } from './outgoing-request.js'

// Importing ky touches the platform's fetch, which alone costs 15 MB.
let kyPart: (() => Promise<typeof import('ky')>) | undefined

/** Has what requests with this `fetch` need loaded before anything is submitted. */
export function prepareToSend(fetch: Fetch | undefined): void {
  if (!goesOverNode(fetch)) loadKy()
}

function loadKy() {
  kyPart ??= lazyPart(
    () => import('ky'),
    () => moduleNow('ky'),
  )
  return kyPart
}

/**
 * Sends exactly one request: no retry, no redirect, no error for a status, no time limit of its own. Rejects with a
 * raw error that may contain the request and its headers: pass it through `networkFailure` before it is shown.
 */
export async function send(request: OutgoingRequest): Promise<Answer> {
  const { method, url, json, form, bytes, stream, signal, fetch } = request
  if (goesOverNode(fetch)) return nodeTransport(request)
  const { default: ky } = await loadKy()()
  signal.throwIfAborted()
  request.confirm?.()
  const headers = { ...(json !== undefined && { 'content-type': 'application/json' }), ...request.headers }
  const body = json === undefined ? (form ?? joined(bytes)) : JSON.stringify(json)
  const plain = { method, headers, signal, redirect: 'manual', ...(body !== undefined && { body }) } as const
  if (stream !== undefined) {
    const options = { ...plain, ...streamed(stream, headers) }
    return fetchAnswer(await abortable(signal, (fetch ?? globalThis.fetch)(url, options)))
  }
  const answer = ky(url, {
    ...plain,
    retry: 0,
    timeout: false,
    throwHttpErrors: false,
    ...(fetch !== undefined && { fetch: () => fetch(url, plain) }),
  })
  return fetchAnswer(await abortable(signal, answer))
}

/** Whether a request goes over `node:http`: it does wherever it can, unless a `fetch` was injected. */
export function goesOverNode(fetch: Fetch | undefined): boolean {
  return fetch === undefined && hasNodeTransport()
}

function fetchAnswer(response: Response): Answer {
  const { status, headers, body } = response
  return { status, headers, body, read: (maxBytes, signal) => readBodyText(response, maxBytes, signal) }
}

// A fetch gets bytes in one piece, so that an injected one can read them.
function joined(bytes: OutgoingBytes | undefined): Uint8Array<ArrayBuffer> | undefined {
  return bytes === undefined || 'byteLength' in bytes ? bytes : new Uint8Array(Buffer.concat(bytes))
}

// A fetch may keep all of a stream in memory, to send it again after a redirect, unless a redirect is an error.
function streamed({ chunks, byteLength }: OutgoingStream, headers: Readonly<Record<string, string>>) {
  const body = ReadableStream.from(chunks)
  const length = byteLength === undefined ? {} : { 'content-length': String(byteLength) }
  return { body, duplex: 'half', redirect: 'error', window: null, headers: { ...headers, ...length } } as const
}
