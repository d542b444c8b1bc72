import type { JsonValue } from '../contracts/json.js'
import type { FaultKind, SandboxEndpoint } from './fault.js'

/** One request that a sandbox has seen. Fields that are not known yet are filled in while it is answered. */
export interface SandboxRequest {
  /** `unknown` for a path that no upstream has. */
  readonly endpoint: SandboxEndpoint | 'unknown'
  /** In upper case. */
  readonly method: string
  /** With the query: `/v1/videos?limit=2`. */
  readonly path: string
  /** Epoch milliseconds of its arrival. */
  readonly at: number
  /** With names in lower case; credentials are kept, so that a test can look where they were sent. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * JSON as it was parsed; a form as `{ prompt: 'A cat', input_reference: { filename, mediaType, byteLength } }`, with a list
   * for a field that came more than once; the bytes of an upload to Drive as `{ byteLength }`; any other text as it came.
   * Absent for an empty body.
   */
  readonly body?: JsonValue
  /** As it was answered; absent while, and when, no headers were sent. */
  readonly status?: number
  /** The fault that it met. */
  readonly fault?: FaultKind
  /** Whether the client went away before the answer was whole. */
  readonly wasAborted: boolean
}
