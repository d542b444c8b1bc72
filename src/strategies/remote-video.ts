import { checkOptions, type OptionRules, optionProblem, throwProblems } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import { aTimeout, number, text, trueOrFalse, withMethods } from '../contracts/option-rules.js'
import type { VideoSource } from '../contracts/source.js'
import { systemClock } from '../timing/system-clock.js'
import { createApi } from '../upstream/api.js'
import type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
import type { Fetch } from '../upstream/outgoing-request.js'
import { remoteVideo as remoteVideoSource } from '../upstream/remote-video.js'
import type { Credential } from '../upstream/secret.js'
import { address, addressProblem, aFetch, credential, headers, privateAddresses } from './option-rules.js'

/** Options of {@link remoteVideo}. */
export interface RemoteVideoOptions {
  /**
   * Address of the API that `apiKey` and `headers` belong to, such as `https://api.example/v1`; required with either. Its origin alone
   * sees them, also after a redirect, and it may be a private one.
   * @defaultValue none
   */
  readonly baseUrl?: string | undefined
  /** Sent as `Authorization: Bearer`; a function is asked before each opening. */
  readonly apiKey?: Credential | undefined
  /** Sent along with each request to the origin of `baseUrl`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Whether anyone can open the URL. One that is not public is never handed to end users.
   * @defaultValue `true` without `apiKey` and `headers`
   */
  readonly isPublic?: boolean | undefined
  /**
   * Whether the URL is a key by itself, such as one that is signed for the account: it is left out of the source then.
   * @defaultValue `false`
   */
  readonly isUrlSecret?: boolean | undefined
  /** Such as `video/mp4`; without it, that of the answer is known after the first opening. */
  readonly mediaType?: string | undefined
  /** Epoch milliseconds after which the URL may not work any more. */
  readonly expiresAt?: number | undefined
  /**
   * Milliseconds to the headers of each answer; above 0, `Infinity` for none.
   * @defaultValue 30_000
   */
  readonly timeoutMs?: number | undefined
  /**
   * Where the URL may lead beyond the origin of `baseUrl` and public addresses on ports 80 and 443: hosts (`'127.0.0.1'`), hosts with a
   * port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * Called in place of the platform's `fetch`, with the address as a string.
   * @defaultValue `globalThis.fetch`
   */
  readonly fetch?: Fetch | undefined
  /**
   * Paces the waiting for a video that is not ready yet; give that of the context.
   * @defaultValue the machine's own time
   */
  readonly clock?: Clock | undefined
}

/**
 * Makes the source of a video at an address, for a generator of your own. Each opening asks for the bytes from `offset` on, waits up
 * to 15.5 s in all for a video that is not ready (400, 404, 409, 425), refuses pages and JSON (a JSON answer that names an address is
 * followed there, without the key), and never takes a short body or another file for the whole. At most 20 GiB are read. `byteLength`
 * and `mediaType` are known after the first opening. An abort closes the connection and leaves nothing running.
 *
 * Only public addresses are opened, unless `allowPrivateAddresses` lists them: the URL is one that an upstream named.
 *
 * @throws ConfigurationError when the URL or an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import type { CompletedTask } from 'sora-pipeline'
 * import { remoteVideo } from 'sora-pipeline/strategies'
 *
 * const source = remoteVideo('https://api.example/v1/videos/video_1/content', {
 *   baseUrl: 'https://api.example/v1',
 *   apiKey: 'your-key',
 * })
 * const status: CompletedTask = { state: 'completed', video: { id: 'video_1', source } }
 * console.log(status.state, source.isPublic) // completed false
 * ```
 */
export function remoteVideo(url: string, options: RemoteVideoOptions = {}): VideoSource {
  checkRemoteVideo(url, options)
  const { baseUrl, apiKey, headers, clock = systemClock, timeoutMs = 30_000 } = options
  const isPublic = options.isPublic ?? (apiKey === undefined && headers === undefined)
  const api = baseUrl === undefined ? undefined : createApi({ subject: 'remoteVideo', baseUrl, apiKey, headers })
  return remoteVideoSource({
    url,
    isPublic,
    isUrlSecret: options.isUrlSecret,
    mediaType: options.mediaType,
    expiresAt: options.expiresAt,
    allowPrivateAddresses: options.allowPrivateAddresses,
    fetch: options.fetch,
    clock,
    timeoutMs,
    ...(api && { credentials: { origin: api.origin, get: api.credentials } }),
  })
}

const RULES: OptionRules<RemoteVideoOptions> = {
  baseUrl: address('https://api.example/v1', 'apiKey or headers'),
  apiKey: credential,
  headers,
  isPublic: trueOrFalse,
  isUrlSecret: trueOrFalse,
  mediaType: text("give a media type, such as 'video/mp4'"),
  expiresAt: number(Number.isFinite, 'give milliseconds since 1970'),
  timeoutMs: aTimeout,
  allowPrivateAddresses: privateAddresses,
  fetch: aFetch,
  clock: withMethods('now', 'monotonic', 'sleep'),
}

function checkRemoteVideo(url: string, options: RemoteVideoOptions): void {
  throwProblems('remoteVideo', [addressProblem('url', url, 'https://cdn.example/a.mp4', 'apiKey or headers')])
  checkOptions('remoteVideo', options, RULES, ({ apiKey, headers: given, baseUrl }) => [
    (apiKey !== undefined || given !== undefined) && baseUrl === undefined
      ? optionProblem('baseUrl', baseUrl, 'give the address of the API that the key belongs to')
      : undefined,
  ])
}
