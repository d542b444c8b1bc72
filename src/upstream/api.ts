import type { Agent } from 'node:http'
import type { JsonValue } from '../contracts/json.js'
import { UpstreamResponseError } from '../contracts/upstream-errors.js'
import { answerError, type RefusedAnswer } from './answer-error.js'
import { type BodyText, readBodyText } from './body-text.js'
import { excerptOf } from './error-details.js'
import { hostOf, networkFailure, timeoutFailure } from './network-failure.js'
import type { Fetch, OutgoingStream } from './outgoing-request.js'
import { send } from './request.js'
import { requestIdFrom } from './request-id.js'
import {
  type ApiCredential,
  headerSecrets,
  type Mask,
  maskOf,
  queryValuesOf,
  rememberConfigured,
  resolveCredential,
  resolvePassword,
} from './secret.js'
import { withTimeLimit } from './time-limit.js'

/** A user with a password. */
export interface Login {
  readonly user: string
  readonly password: ApiCredential
}

/** A remote service: where it is, and with what it is asked. */
export interface ApiOptions {
  /** Name of the strategy, for messages. */
  readonly subject: string
  /** Such as `https://api.example/v1`; a query is kept on every address. */
  readonly baseUrl: string
  /** Sent as `Authorization: Bearer`, unless `headers` has an authorization of its own. */
  readonly apiKey?: ApiCredential | undefined
  /** Sent as `Authorization: Basic`, unless there is an `apiKey` or `headers` has an authorization of its own. */
  readonly login?: Login | undefined
  /** Sent with every request to the service's own origin, and nowhere else. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly fetch?: Fetch | undefined
  /** Whether requests go over `node:http` where they can. */
  readonly isNode?: boolean | undefined
  /** Of `node:http`, such as one of a proxy. */
  readonly agent?: Agent | undefined
}

/** One request to the service. */
export interface ApiCall {
  /** What it is for, such as `create the video`. */
  readonly what: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** An address of {@link Api.address}, or another one on the same origin. */
  readonly url: string
  readonly json?: JsonValue | undefined
  readonly form?: FormData | undefined
  /** Sent as they are; no more than a chunk. */
  readonly bytes?: Uint8Array<ArrayBuffer> | undefined
  /** A body that is not in memory, such as a video that is put in one piece. */
  readonly stream?: OutgoingStream | undefined
  /** Whether the request is to make something new and must not replace what is there (`If-None-Match: *`): the answer has status 412 then. */
  readonly isNew?: boolean | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Milliseconds for the whole exchange: credential, sending, answer and its body. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Most decoded bytes of a good answer; 1 MB by default. */
  readonly maxBytes?: number | undefined
  /** Whether a status that is no success proves that nothing was accepted; `undefined` leaves it to the usual rule. */
  readonly isRefusal?: ((status: number) => boolean | undefined) | undefined
  /** Statuses outside 2xx that are answers as good as those, such as the 308 of a resumable upload. */
  readonly accepts?: readonly number[] | undefined
  /** Whether an answer whose status is no success says what was asked for all the same, such as the job. */
  readonly isAnswer?: ((text: string, status: number) => boolean) | undefined
  /** Reads an error in the service's own words; `undefined` leaves it to {@link answerError}. */
  readonly readError?: ((answer: RefusedAnswer) => Error | undefined) | undefined
  /** Called right before the request leaves; what it throws keeps it from leaving. */
  readonly confirm?: (() => void) | undefined
  /** What else nobody may see, such as an address that is a key by itself. */
  readonly secrets?: readonly string[] | undefined
}

/** A good answer. */
export interface ApiAnswer {
  readonly what: string
  readonly url: string
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body where it is the file of a video; `text` is empty then. */
  readonly video?: Uint8Array | undefined
  /** What must not be seen by anybody: the credential and the configured headers of this exchange. */
  readonly secrets: readonly string[]
  readonly mask: Mask
}

/** What is sent along to prove who asks. */
export interface ApiCredentials {
  readonly headers: Readonly<Record<string, string>>
  readonly secrets: readonly string[]
  readonly mask: Mask
}

/** Talks to one remote service. */
export interface Api {
  readonly subject: string
  readonly origin: string
  /** Whether an address lies at or below `baseUrl`. */
  covers(url: URL): boolean
  /** Whether anything is configured that strangers do not have. */
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
   * @throws UpstreamHttpError for any other status that is no success.
   * @throws UpstreamResponseError when a good answer is longer than `maxBytes`.
   * @throws NetworkError when no answer came, or not in time.
   */
  call(call: ApiCall): Promise<ApiAnswer>
}

const MAX_JSON_BYTES = 1_000_000
const MAX_ERROR_BYTES = 64_000
const EXISTS = 412

/** Makes the one object through which an adapter talks to its service. */
export function createApi(options: ApiOptions): Api {
  const base = new URL(options.baseUrl)
  const ownHeaders = options.headers ?? {}
  const queryValues = queryValuesOf(base)
  const ownSecrets = [...headerSecrets(ownHeaders), ...queryValues]
  rememberConfigured(ownHeaders, queryValues)

  async function credentials(signal: AbortSignal): Promise<ApiCredentials> {
    const headers = new Headers(ownHeaders)
    const key =
      options.apiKey === undefined ? undefined : await resolveCredential(options.apiKey, options.subject, signal)
    const basic = options.login && (await basicOf(options.login, options.subject, signal))
    const authorization = key === undefined ? basic?.header : `Bearer ${key}`
    if (authorization !== undefined && !headers.has('authorization')) headers.set('authorization', authorization)
    const secrets = [...ownSecrets, ...(key === undefined ? [] : [key]), ...(basic?.secrets ?? [])]
    return { headers: Object.fromEntries(headers), secrets, mask: maskOf(secrets) }
  }

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
      fetch: options.fetch,
      isNode: options.isNode,
      agent: options.agent,
      headers: { accept: 'application/json', ...(call.isNew && { 'if-none-match': '*' }), ...headers, ...call.headers },
    })
    const { status } = response
    const isTaken = call.isNew === true && status === EXISTS
    const isGood = response.ok || isTaken || call.accepts?.includes(status) === true
    const body = await readBodyText(response, isGood ? (call.maxBytes ?? MAX_JSON_BYTES) : MAX_ERROR_BYTES, signal)
    const answer = { what, url, status, headers: response.headers, ...body, secrets, mask }
    if (!isGood && call.isAnswer?.(body.text, status) !== true) {
      const isSubmission = method !== 'GET'
      const request = isSubmission ? `${method} ${new URL(url).pathname}` : undefined
      const facts = { isRefusal: call.isRefusal?.(status), isSubmission, request }
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
      Object.keys(ownHeaders).length > 0 ||
      base.search !== '',
    fetch: options.fetch,
    agent: options.agent,
    credentials,
    covers: (url) => url.origin === base.origin && url.pathname.startsWith(base.pathname.replace(/\/*$/, '/')),
    address(path) {
      const url = new URL(base)
      url.pathname = `${base.pathname.replace(/\/+$/, '')}${path}`
      return url.href
    },
    async call(call) {
      const { what, url, timeoutMs, signal, secrets = [] } = call
      let mask = maskOf([...ownSecrets, ...secrets])
      let isSent = false
      try {
        return await withTimeLimit(
          { timeoutMs, signal, error: () => timeoutFailure({ what, url, mask }, timeoutMs, { isRefusal: !isSent }) },
          async (limited) => {
            const known = await credentials(limited)
            const own = secrets.length === 0 ? known : withSecrets(known, secrets)
            mask = own.mask
            isSent = true
            return exchange(call, own, limited)
          },
        )
      } catch (error) {
        throw networkFailure(error, { what, url, mask }, signal)
      }
    },
  }
}

async function basicOf({ user, password }: Login, subject: string, signal: AbortSignal) {
  const known = await resolvePassword(password, subject, signal)
  const pair = Buffer.from(`${user}:${known}`).toString('base64')
  return { header: `Basic ${pair}`, secrets: [known, pair] }
}

function withSecrets(known: ApiCredentials, more: readonly string[]): ApiCredentials {
  const secrets = [...known.secrets, ...more]
  return { ...known, secrets, mask: maskOf(secrets) }
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
