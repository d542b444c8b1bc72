import type { Readable, Writable } from 'node:stream'

/**
 * A request of Node and its frameworks: `IncomingMessage` of `node:http` and `node:https`, the `Http2ServerRequest`
 * of `node:http2`, or an extension of one by Express or Connect.
 */
export interface NodeRequest extends Readable {
  readonly method?: string | undefined
  readonly url?: string | undefined
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly httpVersionMajor: number
  /** Whether the whole request has arrived. */
  readonly complete: boolean
  readonly socket: NodeSocket
  /** Only in HTTP/2. */
  readonly stream?: { readonly endAfterHeaders?: boolean | undefined }
  /** The full request target, which Express and Connect keep when they remove the prefix of a router. */
  readonly originalUrl?: unknown
  /** The parsed body, if a body parser read it. */
  readonly body?: unknown
  /** The bytes that a body parser read, if it keeps them, as cloud functions do. */
  readonly rawBody?: unknown
}

/**
 * The response to a {@link NodeRequest}: `ServerResponse`, the `Http2ServerResponse` of `node:http2`, or that of a
 * framework.
 */
export interface NodeResponse extends Writable {
  statusCode: number
  statusMessage: string
  readonly headersSent: boolean
  readonly req: NodeRequest
  /** `null` while an earlier answer on the same connection is being sent. */
  readonly socket?: NodeSocket | null | undefined
  /** Whether Node writes the length of each chunk; absent for HTTP/2. */
  chunkedEncoding?: boolean
  /** Only in HTTP/2. */
  readonly stream?: NodeResponseStream
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown
  setHeader(name: string, value: string): unknown
  appendHeader(name: string, value: string): unknown
  hasHeader(name: string): boolean
  getHeader(name: string): unknown
  /** Always present, but missing in some types. */
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
  /** 0 unless one side reset the stream. */
  readonly rstCode?: number | undefined
  close(code: number): void
}
