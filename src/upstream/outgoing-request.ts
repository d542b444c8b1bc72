import type { Agent } from 'node:http'
import type { JsonValue } from '../contracts/json.js'

/** The platform's `fetch`, or a function with its signature; an injected one gets the address as a string. */
export type Fetch = typeof globalThis.fetch

/** A body that is not in memory. */
export interface OutgoingStream {
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>
  readonly byteLength?: number | undefined
}

/** A body in memory. */
export type OutgoingBytes = Uint8Array<ArrayBuffer> | readonly Uint8Array<ArrayBuffer>[]

/** One request. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'MKCOL' | 'MOVE'
  /** Absolute, http or https, without user name and password. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as `application/json`. */
  readonly json?: JsonValue | undefined
  /** Sent as `multipart/form-data`. */
  readonly form?: FormData | undefined
  /**
   * Sent unchanged, with the content type of `headers`; at most one part of a file, because it is kept in memory, in one
   * piece or in several.
   */
  readonly bytes?: OutgoingBytes | undefined
  /**
   * Sent as it is produced, in constant memory: with `content-length` if its length is known, else chunked. It cannot
   * be sent twice.
   */
  readonly stream?: OutgoingStream | undefined
  /** Also aborts the reading of the answer's body. */
  readonly signal: AbortSignal
  /** Called right before the request is sent; if it throws, nothing is sent. */
  readonly confirm?: (() => void) | undefined
  /** Default: `node:http`, where it is available, else the platform's. */
  readonly fetch?: Fetch | undefined
  /** Connections of one origin that requests other than submissions share over `node:http`; 64 by default. */
  readonly maxSockets?: number | undefined
  /** An agent of `node:http`, such as one for a proxy. */
  readonly agent?: Agent | undefined
}
