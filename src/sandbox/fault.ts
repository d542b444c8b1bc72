import type { JsonValue } from '../contracts/json.js'

/**
 * The unit of faults and of the log: one operation of an upstream, or a whole server.
 *
 * Of a Space, `call` submits and `stream` reads the result. Of Drive, `create` opens a session for an upload,
 * `upload` sends bytes to it, `session` requests its state or cancels it, and `content` is the public address of a
 * file.
 */
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
  'posts.create',
  'posts.get',
  'posts.delete',
  'parser',
  'space-1.config',
  'space-1.info',
  'space-1.call',
  'space-1.stream',
  'space-2.config',
  'space-2.info',
  'space-2.call',
  'space-2.stream',
  'drive.generate-ids',
  'drive.create',
  'drive.session',
  'drive.upload',
  'drive.get',
  'drive.permissions',
  'drive.delete',
  'drive.content',
  'jsonbin.read',
  'jsonbin.update',
  'chat',
  'chat.models',
  'fal.create',
  'fal.poll',
  'fal.result',
  'fal.cancel',
  'replicate.create',
  'replicate.poll',
  'replicate.cancel',
  'gemini.create',
  'gemini.poll',
  'gemini.content',
  'gemini.cancel',
  'dashscope.create',
  'dashscope.poll',
  'dashscope.cancel',
  'ark.create',
  'ark.poll',
  'ark.delete',
  'minimax.create',
  'minimax.poll',
  'minimax.list',
  'minimax.delete',
  'runway.create',
  'runway.poll',
  'runway.delete',
] as const

/**
 * One failure on the wire. For an answer in events, "half of the body" is half of all events.
 * - `status`: this answer; nothing is handled. Without `body`, the upstream's own error object, with `reason` if it has a
 *   field for it: `{ kind: 'status', status: 403, reason: 'storageQuotaExceeded' }` for Drive. A string is sent as text.
 *   `headers` take precedence.
 * - `rate-limit`: 429 with the upstream's own error object, and `Retry-After` in whole seconds if given; nothing is
 *   handled.
 * - `hang`: the headers never come. With `when: 'after-handling'` the request is handled.
 * - `hang-body`: handled; the headers and half of the body come, then silence.
 * - `reset`: the connection is reset (RST): before the request is handled but after it was read whole, after it was handled,
 *   or after the headers and half of the body.
 * - `truncated-json`: handled; half of the body is sent, with a matching `Content-Length`, so that only the text is
 * wrong.
 * - `html`: 200 with a page instead of the answer; nothing is handled.
 * - `not-synced`: 404 for `forMs` milliseconds after the path was first requested, then healthy.
 * - `wrong-length`: handled; `Content-Length` announces `extraBytes` more than are sent before the connection is closed.
 * - `slow`: handled at once, answered `delayMs` milliseconds later.
 * - `sleeping`: 503 with a page for `forMs` milliseconds after the endpoint was first called, then healthy.
 * - `sse-cut`: handled; after `afterEvents` events (0 or more) the stream is reset, or ends as if it were complete.
 * - `crlf`: handled; the line ends of events are CR LF. `bom`: a byte order mark comes first. `split`: as `crlf`, and the
 *   body comes in pieces of `bytes` bytes (1 or more), so that characters and line ends are cut.
 * - `cut-upload`: the connection is reset after `afterBytes` bytes of the request's body. An upload in a session
 * keeps what Drive keeps of them: whole multiples of 256 KiB, or all of it if the body ends before. Nothing else is
 * handled.
 */
export type Fault =
  | {
      readonly kind: 'status'
      readonly status: number
      readonly reason?: string | undefined
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
  | { readonly kind: 'sleeping'; readonly forMs: number }
  | {
      readonly kind: 'sse-cut'
      readonly afterEvents: number
      /** @defaultValue 'reset' */
      readonly how?: 'reset' | 'end' | undefined
    }
  | { readonly kind: 'crlf' }
  | { readonly kind: 'bom' }
  | { readonly kind: 'split'; readonly bytes: number }
  | { readonly kind: 'cut-upload'; readonly afterBytes: number }

/** The kind of a {@link Fault}. */
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
  'sleeping',
  'sse-cut',
  'crlf',
  'bom',
  'split',
  'cut-upload',
] as const satisfies readonly Fault['kind'][]

/**
 * One fault applies to every call; a list applies call by call, with `null` for a healthy call, and healthy calls
 * after its end.
 */
export type FaultPlan = Fault | readonly (Fault | null)[]

/** Plans by endpoint: `{ 'videos.retrieve': [null, { kind: 'hang' }] }`. `undefined` is a healthy endpoint. */
export type FaultPlans = { readonly [Endpoint in SandboxEndpoint]?: FaultPlan | undefined }
