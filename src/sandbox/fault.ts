import type { JsonValue } from '../contracts/json.js'

/** What can be given faults and asked for in the log: one operation of an upstream, or a whole server. */
export type SandboxEndpoint = (typeof SANDBOX_ENDPOINTS)[number]

/** Every {@link SandboxEndpoint}. */
export const SANDBOX_ENDPOINTS = [
  'videos.create',
  'videos.retrieve',
  'videos.list',
  'videos.content',
  'videos.delete',
  'videos.remix',
  'mirror-1',
  'mirror-2',
  'mirror-3',
  'files',
] as const

/**
 * One thing that goes wrong on the wire.
 * - `status`: this answer; nothing is handled. Without `body`, OpenAI's error object; a string is sent as text. `headers` win.
 * - `rate-limit`: 429 with OpenAI's error object, and `Retry-After` in whole seconds when it is given; nothing is handled.
 * - `hang`: the headers never come. With `when: 'after-handling'` the request was handled all the same.
 * - `hang-body`: handled; the headers and half of the body come, then silence.
 * - `reset`: the connection is reset (RST): before the request is handled but after it was read whole, after it was handled,
 *   or after the headers and half of the body.
 * - `truncated-json`: handled; half of the body comes, with a `Content-Length` that agrees, so that nothing but the text is
 *   wrong.
 * - `html`: 200 with a page in place of the answer; nothing is handled.
 * - `not-synced`: 404 for `forMs` milliseconds after the path was first asked for, healthy from then on.
 * - `wrong-length`: handled; `Content-Length` promises `extraBytes` more than come before the connection is closed.
 * - `slow`: handled at once, answered `delayMs` milliseconds later.
 */
export type Fault =
  | {
      readonly kind: 'status'
      readonly status: number
      readonly body?: JsonValue | undefined
      readonly headers?: Readonly<Record<string, string>> | undefined
    }
  | { readonly kind: 'rate-limit'; readonly retryAfterSeconds?: number | undefined }
  | {
      readonly kind: 'hang'
      /** @defaultValue 'before-handling' */
      readonly when?: 'before-handling' | 'after-handling' | undefined
    }
  | { readonly kind: 'hang-body' }
  | {
      readonly kind: 'reset'
      /** @defaultValue 'before-handling' */
      readonly when?: 'before-handling' | 'after-handling' | 'in-body' | undefined
    }
  | { readonly kind: 'truncated-json' }
  | { readonly kind: 'html' }
  | { readonly kind: 'not-synced'; readonly forMs: number }
  | { readonly kind: 'wrong-length'; readonly extraBytes: number }
  | { readonly kind: 'slow'; readonly delayMs: number }

/** The word of a {@link Fault}. */
export type FaultKind = (typeof FAULT_KINDS)[number]

/** Every {@link FaultKind}. */
export const FAULT_KINDS = [
  'status',
  'rate-limit',
  'hang',
  'hang-body',
  'reset',
  'truncated-json',
  'html',
  'not-synced',
  'wrong-length',
  'slow',
] as const satisfies readonly Fault['kind'][]

/** One fault = on every call; a list = call by call, `null` for a healthy one, and healthy after its end. */
export type FaultPlan = Fault | readonly (Fault | null)[]

/** Plans by endpoint: `{ 'videos.retrieve': [null, { kind: 'hang' }] }`. `undefined` is a healthy endpoint. */
export type FaultPlans = { readonly [Endpoint in SandboxEndpoint]?: FaultPlan | undefined }
