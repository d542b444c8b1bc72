import type { Agent } from 'node:http'
import type { JsonValue } from '../contracts/json.js'

/** The platform's `fetch`, or something of its shape; an injected one is called with the address as a string. */
export type Fetch = typeof globalThis.fetch

/** A body that is not in memory. */
export interface OutgoingStream {
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>
  readonly byteLength?: number | undefined
}

/** One request. */
export interface OutgoingRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Absolute, http or https, without user name and password. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as `application/json`. */
  readonly json?: JsonValue | undefined
  /** Sent as `multipart/form-data`. */
  readonly form?: FormData | undefined
  /** Sent as they are, with the content type of `headers`; kept in memory, so no more than a chunk. */
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined
  /** Sent as it comes, in constant memory. Where its length is known, as `content-length`; else in chunks. It cannot be sent twice. */
  readonly stream?: OutgoingStream | undefined
  /** Also ends the reading of the answer's body. */
  readonly signal: AbortSignal
  /** Called right before the request leaves; what it throws keeps it from leaving. */
  readonly confirm?: (() => void) | undefined
  readonly fetch?: Fetch | undefined
  /** Whether it goes over `node:http` where it can; see {@link hasNodeTransport}. */
  readonly isNode?: boolean | undefined
  /** Of `node:http`, such as one of a proxy. */
  readonly agent?: Agent | undefined
}
