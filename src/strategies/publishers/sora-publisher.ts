import * as z from 'zod/mini'
import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import { isSoraPipelineError } from '../../contracts/errors.js'
import { aTimeout, required, rule, ruleOf } from '../../contracts/option-rules.js'
import type { Publisher } from '../../contracts/publisher.js'
import { mayHaveBeenAccepted } from '../../contracts/submission.js'
import {
  AuthenticationError,
  NetworkError,
  UpstreamHttpError,
  UpstreamResponseError,
} from '../../contracts/upstream-errors.js'
import { type ApiCall, createApi } from '../../upstream/api.js'
import { askedValue } from '../../upstream/asked-value.js'
import { endpointOf } from '../../upstream/endpoint-of.js'
import { readJsonAnswer, unreadable } from '../../upstream/json-answer.js'
import { credentialTimeout } from '../../upstream/network-failure.js'
import type { Fetch } from '../../upstream/outgoing-request.js'
import { type ApiCredential, carriesSecret } from '../../upstream/secret.js'
import { withTimeLimit } from '../../upstream/time-limit.js'
import { address, aFetch, credential, headers, named } from '../option-rules.js'

/** Options of `soraPublisher`. */
export interface SoraPublisherOptions {
  /** Name in events and messages. @defaultValue `'sora-publisher'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * Address of the API below which `/project_y/post` lies, such as `https://gateway.example/backend`. There is no default.
   */
  readonly baseUrl: string
  /**
   * Headers that are sent with every request; a function is called before each. Use it for every header that a
   * gateway needs besides a key.
   * @defaultValue none
   */
  readonly headers?:
    | Readonly<Record<string, string>>
    | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>)
    | undefined
  /**
   * Key that is sent as `Authorization: Bearer …`, unless `headers` contains an authorization; a function is called
   * before each request.
   * @defaultValue none
   */
  readonly apiKey?: ApiCredential | undefined
  /** Text of the post. The prompt is not published. @defaultValue `''` */
  readonly postText?: string | undefined
  /**
   * Time limit of the headers function, and again of the request with its answer, in milliseconds above 0 and at most
   * 2,147,483,647, or `Infinity` for no limit. Past it `publish` rejects with `NetworkError`.
   * @defaultValue `30_000` (30 s)
   */
  readonly timeoutMs?: number | undefined
  /** Called instead of the platform's `fetch`, with the address as a string. @defaultValue `globalThis.fetch` */
  readonly fetch?: Fetch | undefined
}

const PATH = '/project_y/post'
const Published = z.looseObject({
  post: z.looseObject({
    id: z.string().check(z.minLength(1)),
    permalink: z.catch(z.optional(z.httpUrl()), undefined),
  }),
})

/**
 * Publishes a generation as a post: `POST {baseUrl}/project_y/post`, the format of the retired Sora app according to
 * the source of sora2api, which self-hosted gateways may keep. `id` of the video is sent as the generation. `id` of
 * the publication is read from `post.id`, its page from `post.permalink` if present. `unpublish` deletes the post.
 *
 * A publication is not idempotent, so a failure that may have created the post is never `isRetryable`: no answer
 * after the request was sent, 408, 409, most 5xx, an answer without `post.id`. An abort only ends the wait; the post
 * may then exist.
 *
 * `publish` rejects with `AuthenticationError` for 401 and 403 and when `headers` fails, `RateLimitError` for 429,
 * `ContentRejectedError` for a moderation verdict, `UpstreamHttpError` for any other status outside 2xx,
 * `UpstreamResponseError` for an answer without `post.id`, and `NetworkError` when no answer came.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { soraPublisher } from 'sora-pipeline/strategies'
 *
 * const publisher = soraPublisher({
 *   baseUrl: 'https://gateway.example/backend',
 *   apiKey: 'your-token',
 *   headers: async () => ({ 'x-account': '7' }),
 * })
 * console.log(publisher.name)
 * ```
 */
export function soraPublisher(given: SoraPublisherOptions): Publisher {
  const options = checkSoraPublisherOptions(given)
  const { name, postText, timeoutMs } = options

  // One API for each call: its headers are requested again, and their values are masked in every message about that
  // call.
  async function call(request: Pick<ApiCall, 'what' | 'method' | 'json'> & { path: string }, signal: AbortSignal) {
    const { what, path } = request
    const url = createApi({ subject: name, baseUrl: options.baseUrl }).address(path)
    const limits = { timeoutMs, signal, error: () => credentialTimeout(what, `the headers of ${name}`, timeoutMs) }
    const headers = await withTimeLimit(limits, (limited) => headersOf(options.headers, name, limited))
    const api = createApi({ ...options, subject: name, headers })
    return api.call({ ...request, url, timeoutMs, signal })
  }

  return {
    name,
    ...(options.label !== undefined && { label: options.label }),
    endpoints: [endpointOf(options.baseUrl)],
    async publish(video, { signal }) {
      signal.throwIfAborted()
      const json = { attachments_to_create: [{ generation_id: video.id, kind: 'sora' }], post_text: postText }
      try {
        const answer = await call({ what: 'publish the video', method: 'POST', path: PATH, json }, signal)
        const { id, permalink } = readJsonAnswer(answer, Published).post
        if (carriesSecret(id, answer.secrets)) throw unreadable(answer, 'the id of the post contains a key')
        if (id === '.' || id === '..')
          throw unreadable(answer, `the id of the post cannot be a part of an address: "${id}"`)
        const isShown = permalink !== undefined && !carriesSecret(permalink, answer.secrets)
        return { id, ...(isShown && { url: permalink }) }
      } catch (error) {
        throw signal.aborted ? signal.reason : onceOnly(error)
      }
    },
    async unpublish({ id }, { signal }) {
      signal.throwIfAborted()
      const path = `${PATH}/${encodeURIComponent(id)}`
      await call({ what: 'delete the post', method: 'DELETE', path }, signal)
    },
  }
}

async function headersOf(
  option: SoraPublisherOptions['headers'],
  name: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  if (typeof option !== 'function') return option
  const given = await askedValue({ what: `the headers of ${name}`, function: 'their function' }, signal, option)
  const [problem] = given === undefined ? [] : headers.problems('headers', given)
  if (problem === undefined) return given
  throw new AuthenticationError(`Could not use the headers of ${name}: ${problem.field} is ${problem.value}`)
}

// A failure that may have created the post must not be retried automatically: that would make a second post.
function onceOnly(error: unknown): unknown {
  if (!mayHaveBeenAccepted(error) || !isSoraPipelineError(error)) return error
  const message = `${error.message}; the post may exist`
  const facts = { cause: error.cause, isRetryable: false }
  if (error instanceof UpstreamHttpError)
    return new UpstreamHttpError(message, { ...pick(error), ...facts, status: error.status })
  if (error instanceof UpstreamResponseError) return new UpstreamResponseError(message, { ...pick(error), ...facts })
  return error instanceof NetworkError ? new NetworkError(message, { url: error.url, ...facts }) : error
}

function pick({ status, url, bodyExcerpt, requestId }: UpstreamHttpError | UpstreamResponseError) {
  return { status, url, bodyExcerpt, requestId }
}

const RULES: OptionRules<SoraPublisherOptions> = {
  ...named,
  baseUrl: required(address('"https://gateway.example/backend"', 'headers')),
  headers: ruleOf((field, value) => (typeof value === 'function' ? [] : headers.problems(field, value))),
  apiKey: credential,
  postText: rule((value) => typeof value === 'string', 'give a text'),
  timeoutMs: aTimeout,
  fetch: aFetch,
}

function checkSoraPublisherOptions(given: SoraPublisherOptions) {
  checkOptions('soraPublisher', given, RULES)
  return {
    ...given,
    name: given.name ?? 'sora-publisher',
    postText: given.postText ?? '',
    timeoutMs: given.timeoutMs ?? 30_000,
  }
}
