import type { Agent } from 'node:http'
import type { OptionRules } from '../../../contracts/check-options.js'
import { aTimeout, choice, number, required, ruleOf, text, whole } from '../../../contracts/option-rules.js'
import type { AllowPrivateAddresses } from '../../../upstream/download/allowed-destinations.js'
import type { Fetch } from '../../../upstream/outgoing-request.js'
import type { ApiCredential } from '../../../upstream/secret.js'
import { addressProblem, aFetch, anAgent, credential, headers, named, privateAddresses } from '../../option-rules.js'

/** Options that the generators of submit-and-poll APIs share. */
export interface TaskServiceOptions {
  /** Name in events, handles and messages. A run is resumed by a generator of the same name. */
  readonly name: string
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /** Address of the API, such as `https://api.example/v1`; user name, password and a key in its query are refused. */
  readonly baseUrl: string
  /**
   * The upstream that jobs belong to, such as `api.example`: a job is polled only by a generator of the same name and
   * upstream. Set it when the same upstream is reached by another address after a deploy, such as through a proxy.
   * @defaultValue origin and path of `baseUrl`
   */
  readonly upstreamId?: string | undefined
  /**
   * Key of the API, sent only to the origin of `baseUrl`; a function is called before each request.
   * @defaultValue none, for an API without keys
   */
  readonly apiKey?: ApiCredential | undefined
  /** Model for requests that name none. @defaultValue none */
  readonly model?: string | undefined
  /**
   * How `image`, `lastFrame` and `references` reach the API that a request gives as http or https addresses: `url` passes the address
   * on, and the API fetches it; `data-url` fetches it once, before the submission, from public addresses and those of `allowPrivateAddresses`, and passes it on as a
   * data URL. The run keeps what was fetched, so that each submission sends the same bytes. An address that cannot be fetched is an
   * `InvalidRequestError` before anything is paid.
   * @defaultValue `'url'`, for an API that takes no addresses `'data-url'`
   */
  readonly imageUrls?: 'url' | 'data-url' | undefined
  /**
   * Largest image that is fetched, in bytes from 1; a longer one is an `InvalidRequestError`.
   * @defaultValue `20_971_520` (20 MiB)
   */
  readonly maxImageBytes?: number | undefined
  /**
   * Headers that are sent with every request to the origin of `baseUrl`, and to no other, such as `authorization: 'Basic …'` in place of
   * `apiKey`. A header in which `apiKey` is sent is refused beside it. Their values are masked in messages.
   * @defaultValue none
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Time limit of a poll or a cancellation with its body, and of the headers of a download, in milliseconds above 0 and at
   * most 2,147,483,647, or `Infinity` for no limit. A poll past it is a missed poll.
   * @defaultValue `10_000` (10 s)
   */
  readonly timeoutMs?: number | undefined
  /**
   * Time limit of a submission, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit. Past it the
   * outcome is unknown, unless nothing was sent, because the function of `apiKey` did not settle. Servers that answer with the finished
   * video take minutes.
   * @defaultValue `120_000` (2 min)
   */
  readonly createTimeoutMs?: number | undefined
  /**
   * Maximum decoded bytes of one answer, at least 1,000: room for servers that send the video as base64. A longer
   * answer is an `UpstreamResponseError`. `Infinity` for no limit.
   * @defaultValue `33_554_432` (32 MiB)
   */
  readonly maxAnswerBytes?: number | undefined
  /**
   * What a 500, 502 or 504 in answer to a submission means: `unknown` stops the run in review, since the job may have been
   * accepted; `refused` is for an upstream that is known to answer so before it accepts, so that another generator is tried.
   * @defaultValue `'unknown'`
   */
  readonly serverErrors?: 'unknown' | 'refused' | undefined
  /**
   * Whether the upstream gives the same job for the same `Idempotency-Key`. The header is sent either way. Set `key` only
   * for an upstream that documents it, because a submission whose outcome is unknown is then sent again.
   * @defaultValue `'none'`
   */
  readonly idempotency?: 'key' | 'none' | undefined
  /**
   * Time after which an accepted job is certainly listed, in milliseconds from 0 (finite). A lookup that finds
   * nothing before it proves nothing. A job that is found earlier, by the lookups after 2, 10 and 30 seconds, is taken at once.
   * @defaultValue `createTimeoutMs` plus 10 seconds, at most `130_000`
   */
  readonly settleMs?: number | undefined
  /**
   * Where a video may be fetched from beyond the origin of `baseUrl` and public addresses on ports 80 and 443: hosts
   * (`'127.0.0.1'`), hosts with a port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything. The upstream
   * names these addresses, so opening one that is not listed rejects with a `NetworkError`, also when a redirect leads
   * there.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * Called instead of the platform's `fetch`, with the address as a string, for downloads as well. It resolves host
   * names, so only literal addresses, local names and ports are checked.
   * @defaultValue `node:http` on Node, else `globalThis.fetch`; also `globalThis.fetch` where it was replaced; a guarded
   * `node:http` for downloads
   */
  readonly fetch?: Fetch | undefined
  /**
   * Maximum connections to the origin of `baseUrl` that polls share, at least 1, together with all generators of the
   * same origin and the same number. Further polls wait, within `timeoutMs`. A submission opens its own connection; of
   * these a pipeline has 12 at once, and more while answers take longer than half a second. With `fetch`, as many polls
   * call it at once. With `agent`, its own `maxSockets` counts instead.
   * @defaultValue `48`
   */
  readonly maxSockets?: number | undefined
  /**
   * Agent of `node:http` or `node:https`, such as one for a proxy. It is used on Node unless `fetch` is given or
   * `globalThis.fetch` was replaced.
   * @defaultValue a separate connection for each submission, and up to `maxSockets` that polls share
   */
  readonly agent?: Agent | undefined
}

const KEY_IN_QUERY = /key|token|secret|auth|password|signature|^sig$/i

/** The rules of the shared options. */
export const serviceRules: OptionRules<TaskServiceOptions> = {
  ...named,
  name: required(named.name),
  baseUrl: required(
    ruleOf((field, value) => {
      const problem = addressProblem(field, value, '"https://api.example/v1"', 'apiKey or headers')
      if (problem !== undefined) return problem
      const name = [...new URL(String(value)).searchParams.keys()].find((key) => KEY_IN_QUERY.test(key))
      return name === undefined
        ? undefined
        : { field, value: `an address with ${name} in its query`, fix: 'give the key as apiKey' }
    }),
  ),
  upstreamId: text('give a name or leave it out'),
  apiKey: credential,
  model: text('give a model or leave it out'),
  imageUrls: choice('url', 'data-url'),
  maxImageBytes: whole(1),
  headers,
  timeoutMs: aTimeout,
  createTimeoutMs: aTimeout,
  maxAnswerBytes: number((value) => value >= 1_000, 'give 1000 bytes or more'),
  serverErrors: choice('unknown', 'refused'),
  idempotency: choice('key', 'none'),
  settleMs: number((value) => value >= 0 && Number.isFinite(value), 'give milliseconds from 0'),
  allowPrivateAddresses: privateAddresses,
  fetch: aFetch,
  maxSockets: whole(1),
  agent: anAgent,
}

/** The shared options with their defaults. */
export function serviceDefaults(given: Omit<TaskServiceOptions, 'name' | 'baseUrl'>) {
  const { createTimeoutMs = 120_000 } = given
  return {
    imageUrls: given.imageUrls ?? 'url',
    maxImageBytes: given.maxImageBytes ?? 20_971_520,
    timeoutMs: given.timeoutMs ?? 10_000,
    createTimeoutMs,
    maxAnswerBytes: given.maxAnswerBytes ?? 33_554_432,
    serverErrors: given.serverErrors ?? 'unknown',
    idempotency: given.idempotency ?? 'none',
    maxSockets: given.maxSockets ?? 48,
    settleMs: given.settleMs ?? Math.min(130_000, createTimeoutMs + 10_000),
  } as const
}
