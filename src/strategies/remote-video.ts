import { checkOptions, type OptionRules, optionProblem, throwProblems } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import { aTimeout, number, text, trueOrFalse, withMethods } from '../contracts/option-rules.js'
import type { VideoSource } from '../contracts/source.js'
import { systemClock } from '../timing/system-clock.js'
import { createApi } from '../upstream/api.js'
import type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
import type { Fetch } from '../upstream/outgoing-request.js'
import { remoteVideo as remoteVideoSource } from '../upstream/remote-video.js'
import type { ApiCredential } from '../upstream/secret.js'
import { address, addressProblem, aFetch, credential, headers, privateAddresses } from './option-rules.js'

/** Options of {@link remoteVideo}. */
export interface RemoteVideoOptions {
  /**
   * Address of the API that `apiKey` and `headers` belong to, such as `https://api.example/v1`; required with either.
   * They are sent only to its origin, also after a redirect. The origin may be private.
   * @defaultValue none
   */
  readonly baseUrl?: string | undefined
  /** Key that is sent as `Authorization: Bearer …`; a function is called before each opening. @defaultValue none */
  readonly apiKey?: ApiCredential | undefined
  /** Headers that are sent with each request to the origin of `baseUrl`. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Whether anyone can open the URL. A URL that is not public is never given to end users.
   * @defaultValue `true` without `apiKey` and `headers`
   */
  readonly isPublic?: boolean | undefined
  /**
   * Whether the URL itself is a key, such as one that is signed for the account: it is then omitted from the source.
   * @defaultValue `false`
   */
  readonly isUrlSecret?: boolean | undefined
  /** Media type of the video, such as `video/mp4`. @defaultValue that of the answer, known after the first opening */
  readonly mediaType?: string | undefined
  /**
   * Epoch milliseconds after which the URL may no longer work; any finite number, others are refused.
   * @defaultValue none: it does not expire
   */
  readonly expiresAt?: number | undefined
  /**
   * Time limit until the headers of each answer, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for
   * no limit.
   * Past it the opening rejects with `NetworkError`.
   * @defaultValue `30_000` (30 s)
   */
  readonly timeoutMs?: number | undefined
  /**
   * Where the URL may lead beyond the origin of `baseUrl` and public addresses on ports 80 and 443: hosts (`'127.0.0.1'`),
   * hosts with a port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything. Any other address rejects
   * with a `NetworkError`.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /** Called instead of the platform's `fetch`, with the address as a string. @defaultValue `globalThis.fetch` */
  readonly fetch?: Fetch | undefined
  /** Clock for the wait for a video that is not ready yet; pass that of the context. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

/**
 * Creates the source of a video at an address, for a custom generator. Each opening requests the bytes from `offset`
 * on and waits up to 5 minutes for a video that the server of `baseUrl` announces (202, 204, 425, `Retry-After`, words
 * such as `not ready`), and up to a minute for one that is missing there (400, 404, 409, 423); on another server a minute
 * and 15.5 s. Pages and other JSON are refused; a JSON answer that names an address is followed there, without the key. A
 * short body or another file is never
 * accepted as the whole video. At most 20 GiB are read. `byteLength` and `mediaType` are known after the first
 * opening. An abort closes the connection.
 *
 * Only public addresses are opened, unless `allowPrivateAddresses` lists them, because the URL comes from an
 * upstream.
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
