import { abortable } from '../abortable.js'
import { discard } from '../body-text.js'
import type { Fetch } from '../outgoing-request.js'
import type { Exchange, Hop } from './exchange.js'

/**
 * Sends a request through a function with the signature of `fetch`, which gets the address as a string and follows no
 * redirects. What a host name resolves to cannot be checked here. Rejects with the raw error.
 */
export async function fetchExchange(hop: Hop, fetch: Fetch): Promise<Exchange> {
  const { url, method, headers, body, signal } = hop
  signal.throwIfAborted()
  const connection = new AbortController()
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  const close = (reason?: unknown) => {
    signal.removeEventListener('abort', abort)
    connection.abort(reason)
    discard(reader)
  }
  const abort = () => close(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    const init = { method, headers, signal: connection.signal, redirect: 'manual', ...(body && { body }) } as const
    const response = await abortable(connection.signal, fetch(url.href, init))
    reader = (response.body as ReadableStream<Uint8Array> | null)?.getReader()
    return {
      status: response.status,
      headers: response.headers,
      next: async () => (reader ? (await abortable(connection.signal, reader.read())).value : undefined),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}
