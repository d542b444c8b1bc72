import type { JsonValue } from '../contracts/json.js'
import type { FaultKind, SandboxEndpoint } from './fault.js'

/** One request that a sandbox has received. Fields that are not known yet are filled in while it is answered. */
export interface SandboxRequest {
  /** `unknown` for a path of no upstream. */
  readonly endpoint: SandboxEndpoint | 'unknown'
  /** In upper case. */
  readonly method: string
  /** With the query: `/v1/videos?limit=2`. */
  readonly path: string
  /** Epoch milliseconds of its arrival. */
  readonly at: number
  /** Headers with names in lower case, including credentials, so that a test can check where they were sent. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * Parsed JSON; a form as `{ prompt: 'A cat', input_reference: { filename, mediaType, byteLength } }`, with a list
   * for a repeated field; the bytes of an upload to Drive as `{ byteLength }`; any other text unchanged. Absent for
   * an empty body.
   */
  readonly body?: JsonValue
  /** Status of the answer; absent until headers are sent. */
  readonly status?: number
  /** The fault of the request. */
  readonly fault?: FaultKind
  /** Whether the client disconnected before the answer was complete. */
  readonly wasAborted: boolean
}
