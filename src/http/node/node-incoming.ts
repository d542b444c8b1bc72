import type { HeaderLookup, Incoming, RequestTarget } from '../incoming.js'
import { bodyStream } from './body-stream.js'
import { clientGone } from './client-gone.js'
import { fetchHeaders, nodeAddress, toFetchRequest } from './fetch-request.js'
import type { NodeRequest } from './node-messages.js'
import type { ClosedListener } from './once-closed.js'
import { hasBody } from './request-body.js'
import { requestTarget, requestUrl } from './request-url.js'

// Those that a Fetch request represents unchanged.
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/**
 * A request of Node as the routes read it. What a route does not read is not built: no `Request`, no `Headers`, and
 * neither a signal nor a stream for a small request.
 */
export class NodeIncoming implements Incoming, ClosedListener {
  readonly method: string
  readonly headers: HeaderLookup
  readonly #request: NodeRequest
  #controller: AbortController | undefined
  #hasLeft = false
  #body: ReadableStream<Uint8Array> | undefined
  #isTaken = false
  // Kept, because a signal alone does not keep alive the object that aborts it.
  #fetched: Request | undefined

  constructor(request: NodeRequest) {
    this.#request = request
    this.method = request.method ?? 'GET'
    this.headers = new NodeHeaders(request)
  }

  get url(): string {
    return requestUrl(nodeAddress(this.#request))
  }

  get target(): RequestTarget {
    return requestTarget(nodeAddress(this.#request))
  }

  /** Aborted when the client disconnects before it has the whole answer. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#hasLeft) this.#controller.abort(clientGone())
    }
    return this.#controller.signal
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (!hasBody(this.#request, this.headers)) return null
    this.#body ??= bodyStream(this.#request)
    return this.#body
  }

  get bodyUsed(): boolean {
    return this.#isTaken
  }

  get hasLeft(): boolean {
    return this.#hasLeft
  }

  /** Whether a `Request` has nothing to add: no method or headers that it refuses, and no body that was read before. */
  get isPlain(): boolean {
    const { httpVersionMajor, readableDidRead, readableEnded } = this.#request
    if (httpVersionMajor !== 1 || !METHODS.has(this.method)) return false
    return !(readableDidRead || readableEnded) || !hasBody(this.#request, this.headers)
  }

  takeArrived(): Uint8Array<ArrayBuffer> | undefined {
    const request = this.#request
    // Small bodies come with their head: all of it is there before the end is announced.
    const isWhole = request.complete || Number(this.headers.get('content-length')) === request.readableLength
    if (this.#body !== undefined || !isWhole || request.destroyed) return undefined
    const bytes: Buffer<ArrayBuffer> | null = request.read()
    if (bytes === null) return undefined
    this.#isTaken = true
    // Without a reader the end would not be noticed.
    request.resume()
    // Without the methods of a Buffer, whose slice is no copy.
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  toFetchHeaders(): Headers {
    return fetchHeaders(this.#request)
  }

  /**
   * The request in the type of the Fetch standard.
   * @throws what `toFetchRequest` throws.
   */
  toRequest(): Request {
    this.#fetched ??= toFetchRequest(this.#request, this.signal)
    return this.#fetched
  }

  /** The answer has ended; `wasSent` is false if its client has disconnected before. */
  onClosed(wasSent: boolean): void {
    if (!wasSent) {
      this.#hasLeft = true
      if (this.#fetched?.signal.aborted !== true) this.#controller?.abort(clientGone())
    }
    this.discardBody()
  }

  /** Discards a body that nothing has read: it would block the connection. One that is still read has a reader. */
  discardBody(): void {
    const body = this.#fetched === undefined ? this.#body : this.#fetched.body
    // It only fails if the body has already failed.
    if (body?.locked === false) body.cancel().catch(() => undefined)
    else if (body === undefined && !this.#isTaken && hasBody(this.#request, this.headers)) this.#request.resume()
  }
}

class NodeHeaders implements HeaderLookup {
  readonly #received: NodeRequest['headers']

  constructor({ headers }: NodeRequest) {
    this.#received = headers
  }

  get(name: string): string | null {
    const value = this.#received[name]
    if (value === undefined) return null
    return typeof value === 'string' ? value : value.join(', ')
  }

  has(name: string): boolean {
    return this.#received[name] !== undefined
  }
}
