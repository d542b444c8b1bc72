import type { JsonValue } from '../contracts/json.js'
import type { SandboxEndpoint } from './fault.js'
import type { Answer, Reply } from './reply.js'

/** A request that was read whole, unless its route takes the body as a stream. */
export interface ReceivedRequest {
  readonly method: string
  /** Without the query, as it came: percent-encoded. */
  readonly pathname: string
  readonly query: URLSearchParams
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** In the form of {@link SandboxRequest.body}; `undefined` where the route takes a stream. */
  readonly body: JsonValue | undefined
  /** The bytes of the body as they come, once; empty unless the route takes a stream. They end early at a cut. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** Aborted when the client goes away or the server closes. */
  readonly signal: AbortSignal
}

/** How an upstream says that it refuses: an answer with its own error object. */
export type Refusal = (status: number, about: RefusalFields, headers?: Readonly<Record<string, string>>) => Reply

/** What a {@link Refusal} says. */
export interface RefusalFields {
  readonly message: string
  /** A word for programs, where the upstream has a place for it. */
  readonly reason?: string | undefined
}

/** The operation that a request is for. */
export interface Route {
  readonly endpoint: SandboxEndpoint
  /** The body is not read before `handle`, which takes it from `chunks`. */
  readonly takesStream?: boolean | undefined
  /**
   * Form of the answers that faults give.
   * @defaultValue OpenAI's error object
   */
  readonly refuse?: Refusal | undefined
  handle(request: ReceivedRequest): Answer | Promise<Answer>
}

/** Finds the operation for a request, whose headers have names in lower case; `undefined` is answered with 404. */
export type Router = (method: string, pathname: string, headers: Readonly<Record<string, string>>) => Route | undefined
