import * as z from 'zod/mini'
import { checkOptions, type OptionProblem, type OptionRules, optionProblem } from '../../contracts/check-options.js'
import { aTimeout, required, ruleOf, trueOrFalse } from '../../contracts/option-rules.js'
import type { Resolver } from '../../contracts/resolver.js'
import { UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { type ApiAnswer, createApi } from '../../upstream/api.js'
import { readComplaint } from '../../upstream/complaint.js'
import { complaintError } from '../../upstream/complaint-error.js'
import { complaintKind } from '../../upstream/complaint-kind.js'
import type { AllowPrivateAddresses } from '../../upstream/download/allowed-destinations.js'
import { endpointOf } from '../../upstream/endpoint-of.js'
import { excerptOf, readErrorDetails } from '../../upstream/error-details.js'
import { readJsonAnswer, unreadable } from '../../upstream/json-answer.js'
import { credentialTimeout, hostOf } from '../../upstream/network-failure.js'
import type { Fetch } from '../../upstream/outgoing-request.js'
import { isPlainHttp } from '../../upstream/plain-http.js'
import { proveVideo } from '../../upstream/prove-video.js'
import { requestIdFrom } from '../../upstream/request-id.js'
import { type ApiCredential, holdsSecret, resolveCredential } from '../../upstream/secret.js'
import { withTimeLimit } from '../../upstream/time-limit.js'
import { address, addressProblem, aFetch, credential, named, privateAddresses } from '../option-rules.js'
import { fillTemplate } from './fill-template.js'

/** Options of `parseServerResolver`. */
export interface ParseServerResolverOptions {
  /** Name in events and messages. @defaultValue `'parse-server'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * Address of the server, such as `https://parse.example`, with or without a trailing slash. There is no default.
   */
  readonly baseUrl: string
  /**
   * Token that is sent as `token` in the body; a function is called before each request.
   * @defaultValue none, for a server without tokens
   */
  readonly token?: ApiCredential | undefined
  /**
   * Share link that is sent to the server, with `{postId}` for the id of the publication or `{videoId}` for that of
   * the generation.
   * @defaultValue `'https://sora.chatgpt.com/p/{postId}'`
   */
  readonly shareUrl?: string | undefined
  /** Whether the link has to serve a video before it is returned. @defaultValue `true` */
  readonly prove?: boolean | undefined
  /**
   * Time limit of the request, and again of the check, in milliseconds above 0 and at most 2,147,483,647, or
   * `Infinity` for no limit. Past it `resolve` rejects with `NetworkError`.
   * @defaultValue `30_000` (30 s)
   */
  readonly timeoutMs?: number | undefined
  /**
   * Where a link may lead beyond the server itself and public addresses on ports 80 and 443: hosts (`'127.0.0.1'`), hosts
   * with a port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /** Called instead of the platform's `fetch`, with the address as a string. @defaultValue `globalThis.fetch` */
  readonly fetch?: Fetch | undefined
}

const WHAT = 'parse the share link'
const Parsed = z.looseObject({
  download_link: z.catch(z.optional(z.string()), undefined),
  error: z.optional(z.unknown()),
})

/**
 * Requests the download link of a published video from a parse server: `POST {baseUrl}/get-sora-link` with `{ url,
 * token }`, which answers `{ download_link }` or `{ error }`, according to the source of sora-downloader. The link is
 * checked to serve a video.
 *
 * `resolve` rejects with `InvalidRequestError` when the share link needs a publication and there is none,
 * `AuthenticationError` for 401 and 403, `UpstreamHttpError` for any other status outside 2xx,
 * `UpstreamResponseError` for an error under 200, a page, an invalid link or a link that serves no video, and
 * `NetworkError` when no answer came. The request changes nothing, so it may be repeated. An abort closes the
 * connection.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { parseServerResolver } from 'sora-pipeline/strategies'
 *
 * const resolver = parseServerResolver({ baseUrl: 'https://parse.example', token: 'your-token' })
 * console.log(resolver.name)
 * ```
 */
export function parseServerResolver(given: ParseServerResolverOptions): Resolver {
  const options = checkParseServerOptions(given)
  const { name, timeoutMs } = options
  const api = createApi({ baseUrl: options.baseUrl, fetch: options.fetch, subject: name })
  const url = api.address('/get-sora-link')

  async function tokenOf(signal: AbortSignal): Promise<string | undefined> {
    const { token } = options
    if (token === undefined) return undefined
    const error = () => credentialTimeout(WHAT, `the credential of ${name}`, timeoutMs)
    return withTimeLimit({ timeoutMs, signal, error }, (limited) => resolveCredential(token, name, limited))
  }

  return {
    name,
    ...(options.label !== undefined && { label: options.label }),
    endpoints: [endpointOf(options.baseUrl)],
    async resolve(input, { signal }) {
      signal.throwIfAborted()
      const share = fillTemplate(options.shareUrl, input)
      const token = await tokenOf(signal)
      const secrets = token === undefined ? [] : [token]
      const json = { url: share, token }
      const link = linkIn(await api.call({ what: WHAT, method: 'POST', url, json, secrets, timeoutMs, signal }))
      if (!options.prove) return { url: link }
      const { fetch, allowPrivateAddresses } = options
      const proof = { url: link, timeoutMs, minBytes: 1, signal, fetch, allowPrivateAddresses, ownOrigin: api.origin }
      return { url: link, ...(await proveVideo(proof)) }
    },
  }
}

function linkIn(answer: ApiAnswer): string {
  const { error, download_link: link } = readJsonAnswer(answer, Parsed)
  if (error !== undefined && error !== null && error !== '') throw serverError(answer)
  if (link === undefined || !URL.canParse(link) || !isPlainHttp(new URL(link)))
    throw unreadable(answer, 'download_link is not an http address')
  if (holdsSecret(link, answer.secrets)) throw unreadable(answer, 'download_link contains the token')
  return link
}

function serverError({ url, status, headers, text, mask }: ApiAnswer): Error {
  const details = readErrorDetails(text)
  const message = `Could not ${WHAT}: ${hostOf(url)} said, ${excerptOf(details.message || text, mask)}`
  const kind = complaintKind(readComplaint(details))
  const options = { status, url: mask(url), requestId: requestIdFrom(headers, mask) }
  return kind === 'timeout' || kind === 'other'
    ? new UpstreamResponseError(message, { ...options, bodyExcerpt: excerptOf(text, mask) })
    : complaintError(kind, message, options)
}

const RULES: OptionRules<ParseServerResolverOptions> = {
  ...named,
  baseUrl: required(address('"https://parse.example"', 'token')),
  token: credential,
  shareUrl: ruleOf(shareUrlProblem),
  prove: trueOrFalse,
  timeoutMs: aTimeout,
  allowPrivateAddresses: privateAddresses,
  fetch: aFetch,
}

function checkParseServerOptions(given: ParseServerResolverOptions) {
  checkOptions('parseServerResolver', given, RULES)
  return {
    ...given,
    name: given.name ?? 'parse-server',
    shareUrl: given.shareUrl ?? 'https://sora.chatgpt.com/p/{postId}',
    prove: given.prove ?? true,
    timeoutMs: given.timeoutMs ?? 30_000,
  }
}

function shareUrlProblem(field: string, value: unknown): OptionProblem {
  const isTemplate = typeof value === 'string' && /\{(postId|videoId)\}/.test(value)
  if (!isTemplate) return optionProblem(field, value, 'put {postId} or {videoId} into it')
  return addressProblem(field, value, '"https://share.example/p/{postId}"', 'a link that anyone can open')
}
