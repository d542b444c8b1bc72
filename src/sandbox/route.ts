import type { JsonValue } from '../contracts/json.js'
import type { SandboxEndpoint } from './fault.js'
import type { Answer, Reply } from './reply.js'

/** A request that was read completely, unless its route reads the body as a stream. */
export interface ReceivedRequest {
  readonly method: string
  /** Without the query, still percent-encoded. */
  readonly pathname: string
  readonly query: URLSearchParams
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** In the form of {@link SandboxRequest.body}; `undefined` if the route reads a stream. */
  readonly body: JsonValue | undefined
  /** The bytes of the body as they arrive, once; empty unless the route reads a stream. They end early at a cut. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** Aborted when the client disconnects or the server closes. */
  readonly signal: AbortSignal
}

/** Creates a refusal of an upstream: an answer with its own error object. */
export type Refusal = (status: number, about: RefusalFields, headers?: Readonly<Record<string, string>>) => Reply

/** The content of a {@link Refusal}. */
export interface RefusalFields {
  readonly message: string
  /** A machine-readable code, if the upstream has a field for it. */
  readonly reason?: string | undefined
}

/** The operation of a request. */
export interface Route {
  readonly endpoint: SandboxEndpoint
  /** The body is not read before `handle`, which reads it from `chunks`. */
  readonly takesStream?: boolean | undefined
  /**
   * Form of the answers of faults.
   * @defaultValue OpenAI's error object
   */
  readonly refuse?: Refusal | undefined
  handle(request: ReceivedRequest): Answer | Promise<Answer>
}

/** Finds the operation of a request, whose header names are in lower case; `undefined` is answered with 404. */
export type Router = (method: string, pathname: string, headers: Readonly<Record<string, string>>) => Route | undefined
