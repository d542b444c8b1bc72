import type { Agent } from 'node:http'
import type { JsonValue } from '../contracts/json.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { type AnswerHeaders, type BodyText, isOk } from './answer.js'
import { answerError, type RefusedAnswer } from './answer-error.js'
import { type ApiCredentials, type AuthScheme, apiCredentials, type Login, withSecrets } from './api-credentials.js'
import { excerptOf } from './error-details.js'
import { credentialTimeout, hostOf, networkFailure, timeoutFailure } from './network-failure.js'
import type { Fetch, OutgoingRequest, OutgoingStream } from './outgoing-request.js'
import { goesOverNode, prepareToSend, send } from './request.js'
import { requestIdFrom } from './request-id.js'
import { inRequestLine } from './request-line.js'
import { type ApiCredential, type Mask, maskOf } from './secret.js'
import { withTimeLimit } from './time-limit.js'

export type { ApiCredentials } from './api-credentials.js'

/** A remote service: its address and its credentials. */
export interface ApiOptions {
  /** Name of the strategy, for messages. */
  readonly subject: string
  /** Such as `https://api.example/v1`; its query is added to every address. */
  readonly baseUrl: string
  /** Sent as `Authorization: Bearer` or as `authScheme` names, unless `headers` contains an authorization. */
  readonly apiKey?: ApiCredential | undefined
  /** How `apiKey` is sent. @defaultValue `'Bearer'` */
  readonly authScheme?: AuthScheme | undefined
  /** Sent as `Authorization: Basic`, unless `apiKey` is set or `headers` contains an authorization. */
  readonly login?: Login | undefined
  /** Sent with every request to the service's own origin, and to no other origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly fetch?: Fetch | undefined
  /** An agent of `node:http`, such as one for a proxy. */
  readonly agent?: Agent | undefined
  /** What to check after a 404 to a submission, such as `POST /videos`; `undefined` for nothing. @defaultValue nothing */
  readonly notFoundAdvice?: ((request: string) => string | undefined) | undefined
  /** Connections that requests other than submissions share; 64 by default. */
  readonly maxSockets?: number | undefined
}

/** One request to the service. */
export interface ApiCall {
  /** The purpose of the request, such as `create the video`. */
  readonly what: string
  readonly method: OutgoingRequest['method']
  /** An address from {@link Api.address}, or another one on the same origin. */
  readonly url: string
  readonly json?: JsonValue | undefined
  readonly form?: FormData | undefined
  /** Sent unchanged; at most one chunk. */
  readonly bytes?: OutgoingRequest['bytes'] | undefined
  /** A body that is not in memory, such as a video that is sent in one piece. */
  readonly stream?: OutgoingStream | undefined
  /**
   * Whether the request creates something and must not replace an existing one (`If-None-Match: *`): the answer is
   * then a 412.
   */
  readonly isNew?: boolean | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Milliseconds for the whole exchange: credential, sending, answer and its body. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Maximum decoded bytes of a successful answer; 1 MB by default. */
  readonly maxBytes?: number | undefined
  /** Whether a status outside 2xx proves that nothing was accepted; `undefined` applies the default rule. */
  readonly isRefusal?: ((status: number) => boolean | undefined) | undefined
  /** Statuses outside 2xx that count as success, such as the 308 of a resumable upload. */
  readonly accepts?: readonly number[] | undefined
  /** Whether an answer with a status outside 2xx still contains the requested data, such as the job. */
  readonly isAnswer?: ((text: string, status: number) => boolean) | undefined
  /** Reads an error format of this service; `undefined` falls back to {@link answerError}. */
  readonly readError?: ((answer: RefusedAnswer) => Error | undefined) | undefined
  /** Called right before the request is sent; if it throws, nothing is sent. */
  readonly confirm?: (() => void) | undefined
  /** Other secrets, such as an address that is itself a key. */
  readonly secrets?: readonly string[] | undefined
}

/** A successful answer. */
export interface ApiAnswer {
  readonly what: string
  readonly url: string
  readonly status: number
  readonly headers: AnswerHeaders
  readonly text: string
  /** The body if it is a video file; `text` is empty then. */
  readonly video?: Uint8Array | undefined
  /** The credential and the configured headers of this exchange, which must not appear in any message. */
  readonly secrets: readonly string[]
  readonly mask: Mask
}

/** A client of one remote service. */
export interface Api {
  readonly subject: string
  readonly origin: string
  /** Whether an address lies at or below `baseUrl`. */
  covers(url: URL): boolean
  /** Whether a credential is configured. */
  readonly hasCredential: boolean
  readonly fetch: Fetch | undefined
  readonly agent: Agent | undefined
  /** Address of a path below `baseUrl`. */
  address(path: string): string
  credentials(signal: AbortSignal): Promise<ApiCredentials>
  /**
   * Sends one request and reads the answer.
   * @throws AuthenticationError for 401 and 403, and when there is no usable credential.
   * @throws QuotaExceededError for 402, and a 4xx that names a quota.
   * @throws RateLimitError for any other 429.
   * @throws ContentRejectedError for a moderation verdict.
   * @throws UpstreamHttpError for any other status outside 2xx.
   * @throws UpstreamResponseError when a successful answer is longer than `maxBytes`.
   * @throws NetworkError when no answer came, or not in time.
   */
  call(call: ApiCall): Promise<ApiAnswer>
}

const MAX_JSON_BYTES = 1_000_000
const MAX_ERROR_BYTES = 64_000
const EXISTS = 412
// Nothing in it has to be encoded.
const PLAIN_PATH = /^[\w/%-]*$/

/** Creates the client through which an adapter calls its service. */
export function createApi(options: ApiOptions): Api {
  const base = new URL(options.baseUrl)
  const root = base.href.replace(/[?#].*$/, '').replace(/\/+$/, '')
  const { ownSecrets, credentials } = apiCredentials(options)
  const { fetch, agent, maxSockets } = options
  prepareToSend(fetch)

  async function exchange(call: ApiCall, { headers, secrets, mask }: ApiCredentials, signal: AbortSignal) {
    const { what, url } = call
    const { method, json, form, bytes, stream } = call
    const response = await send({
      method,
      url,
      json,
      form,
      bytes,
      stream,
      signal,
      confirm: call.confirm,
      fetch,
      agent,
      maxSockets,
      headers: { accept: 'application/json', ...(call.isNew && { 'if-none-match': '*' }), ...headers, ...call.headers },
    })
    const { status } = response
    const isTaken = call.isNew === true && status === EXISTS
    const isGood = isOk(response) || isTaken || call.accepts?.includes(status) === true
    const body = await response.read(isGood ? (call.maxBytes ?? MAX_JSON_BYTES) : MAX_ERROR_BYTES, signal)
    const answer = { what, url, status, headers: response.headers, ...body, secrets, mask }
    if (!isGood && call.isAnswer?.(body.text, status) !== true) {
      const isSubmission = method !== 'GET' && method !== 'HEAD'
      const request = isSubmission ? `${method} ${new URL(url).pathname}` : undefined
      const { notFoundAdvice } = options
      const facts = { isRefusal: call.isRefusal?.(status), isSubmission, request, notFoundAdvice }
      throw call.readError?.(answer) ?? answerError({ ...answer, ...facts })
    }
    throwIfCut(body, answer)
    return answer
  }

  return {
    subject: options.subject,
    origin: base.origin,
    hasCredential:
      options.apiKey !== undefined ||
      options.login !== undefined ||
      Object.keys(options.headers ?? {}).length > 0 ||
      base.search !== '',
    fetch,
    agent,
    credentials,
    covers: (url) => url.origin === base.origin && url.pathname.startsWith(base.pathname.replace(/\/*$/, '/')),
    address(path) {
      if (PLAIN_PATH.test(path)) return `${root}${path}${base.search}`
      const url = new URL(base)
      url.pathname = `${base.pathname.replace(/\/+$/, '')}${path}`
      return url.href
    },
    async call(call) {
      const { what, url, timeoutMs, signal, secrets = [] } = call
      let mask = maskOf([...ownSecrets, ...secrets])
      let [isSent, isKnown] = [false, false]
      const tooLate = () => {
        if (!isKnown) return credentialTimeout(what, `the credential of ${options.subject}`, timeoutMs)
        return timeoutFailure({ what, url, mask }, timeoutMs, { isRefusal: !isSent })
      }
      try {
        return await withTimeLimit({ timeoutMs, signal, error: tooLate }, async (limited) => {
          const known = await credentials(limited)
          isKnown = true
          const own = secrets.length === 0 ? known : withSecrets(known, secrets)
          mask = own.mask
          const run = () => {
            isSent = true
            return exchange(call, own, limited)
          }
          // A submission does not wait, and a configured agent has its own line.
          const hasLine = agent === undefined || !goesOverNode(fetch)
          const isWaiting = maxSockets !== undefined && call.method === 'GET' && hasLine
          return isWaiting ? inRequestLine({ origin: base.origin, maxSockets }, limited, run) : run()
        })
      } catch (error) {
        throw networkFailure(error, { what, url, mask }, signal)
      }
    },
  }
}

function throwIfCut(body: BodyText, { what, url, status, headers, mask }: ApiAnswer): void {
  if (!body.isCut) return
  throw new UpstreamResponseError(
    `Could not ${what}: ${hostOf(url)} sent more than ${body.video?.length ?? body.text.length} characters`,
    {
      status,
      url: mask(url),
      bodyExcerpt: excerptOf(body.text, mask),
      requestId: requestIdFrom(headers, mask),
    },
  )
}
