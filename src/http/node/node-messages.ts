import type { Readable, Writable } from 'node:stream'

/**
 * A request as Node and the frameworks on it hand it over: `IncomingMessage` of `node:http` and `node:https`, the
 * `Http2ServerRequest` of `node:http2`, or what Express and Connect make of them.
 */
export interface NodeRequest extends Readable {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly httpVersionMajor: number
  /** Whether the whole request has arrived. */
  readonly complete: boolean
  readonly socket: NodeSocket
  /** Only of HTTP/2. */
  readonly stream?: { readonly endAfterHeaders?: boolean | undefined }
  /** The target before the prefix of a router was cut off, by Express and Connect. */
  readonly originalUrl?: unknown
  /** What a body parser made of the body. */
  readonly body?: unknown
  /** The bytes that a body parser read, where it keeps them, as cloud functions do. */
  readonly rawBody?: unknown
}

/** What answers a {@link NodeRequest}: `ServerResponse`, the `Http2ServerResponse` of `node:http2`, or that of a framework. */
export interface NodeResponse extends Writable {
  statusCode: number
  statusMessage: string
  readonly headersSent: boolean
  readonly req: NodeRequest
  /** `null` while an earlier answer on the same connection is being sent. */
  readonly socket?: NodeSocket | null | undefined
  /** Absent for HTTP/2. */
  readonly chunkedEncoding?: boolean
  /** Only of HTTP/2. */
  readonly stream?: NodeResponseStream
  setHeader(name: string, value: string): unknown
  appendHeader(name: string, value: string): unknown
  hasHeader(name: string): boolean
  getHeader(name: string): unknown
  /** Always there, but not in all types. */
  flushHeaders?(): void
}

/** The connection of a message. */
export interface NodeSocket {
  readonly destroyed: boolean
  /** `true` on TLS. */
  readonly encrypted?: boolean
  destroy(): unknown
  resetAndDestroy?(): unknown
  on(event: 'close', listener: () => void): unknown
  off(event: 'close', listener: () => void): unknown
}

/** The HTTP/2 stream of an answer. */
export interface NodeResponseStream {
  readonly destroyed: boolean
  readonly writableFinished: boolean
  /** 0 unless one side gave the stream up. */
  readonly rstCode?: number | undefined
  close(code: number): void
}
