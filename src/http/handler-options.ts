import type { Clock } from '../contracts/clock.js'
import type { VideoRequest } from '../contracts/request.js'
import type { PipelineResultJson } from '../contracts/result.js'
import type { ChatCompletionOptions } from '../openai/chat-completion-options.js'
import type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
import type { ApiKey } from './api-keys.js'
import type { OtherFields } from './requests/other-fields.js'

/** Options of {@link createHandler}. */
export interface HandlerOptions extends Pick<ChatCompletionOptions, 'texts' | 'progress' | 'content' | 'role'> {
  /**
   * Keys that callers send as `Authorization: Bearer …`: texts, or `{ key, owner }`. A caller owns the videos of the owner
   * of its key; a text is an owner of its own. Several keys of one owner let a key be changed. Compared in constant time.
   * Without keys and without `authenticate` every client may call, all share their videos, and a warning of the process says
   * so once, unless `public` is `true`.
   * @defaultValue none
   */
  readonly apiKeys?: readonly ApiKey[] | undefined
  /**
   * In place of `apiKeys`: gives the owner of a request, a name that is kept with the videos (1 to 255 characters without
   * control characters, no secret). `undefined`, `null`, `false` and the empty text stand for no caller, which is answered
   * 401. A `Response` is sent to the caller unchanged, such as for a limit of your own. Anything else, such as `true` or a
   * user object, is answered 500, and `onError` is called with a `ConfigurationError` that names it.
   * @defaultValue none
   */
  readonly authenticate?: ((request: Request) => Caller | Promise<Caller>) | undefined
  /**
   * Whether every client may use the server at your cost, on purpose: no warning is given then. It excludes `apiKeys` and
   * `authenticate`.
   * @defaultValue `false`
   */
  readonly public?: boolean | undefined
  /** What the paths begin with, such as `/api/v1` where the handler is mounted there. @defaultValue `/v1` */
  readonly basePath?: string | undefined
  /**
   * The models that callers may name, also for `GET /v1/models`: names that are read by `readModel`, or for each name what
   * it stands for, such as `{ 'cat-video': { model: 'wan-2.2', durationSeconds: 8 } }`. Any other name is answered 404.
   * @defaultValue every name is taken; the list has `sora-1.0`
   */
  readonly models?: readonly string[] | Readonly<Record<string, Partial<VideoRequest>>> | undefined
  /**
   * Reads fields of the request from the model name, such as an orientation from `sora2-landscape-10s`; what the body gives
   * wins. What it throws is the answer.
   * @defaultValue the names of the sora2api family are read
   */
  readonly readModel?: ((model: string) => Partial<VideoRequest>) | undefined
  /**
   * Reads fields of the request from the text of the last message, such as `{anime}` or `[5.0s]`, and gives what is left as
   * `prompt`. What it throws is the answer.
   * @defaultValue the markers of the sora2api family are read
   */
  readonly readPrompt?: ((prompt: string) => Partial<VideoRequest> & { readonly prompt: string }) | undefined
  /**
   * Last step before a run begins: gives back the request to run. What it throws is the answer: an error of the library with
   * its status, such as a `QuotaExceededError` for a caller with no credit left.
   * @defaultValue none: the request is run unchanged
   */
  readonly prepare?: ((request: VideoRequest, call: PreparedCall) => VideoRequest | Promise<VideoRequest>) | undefined
  /**
   * Longest body in bytes, at least 1, counted while it is read; images come inside the body. A longer one is answered 413.
   * `Infinity` for no limit.
   * @defaultValue `26_214_400` (25 MiB)
   */
  readonly maxBodyBytes?: number | undefined
  /**
   * How many bytes of bodies this handler holds at one moment while it reads them, at least `maxBodyBytes`; `Infinity` for
   * no limit. A body that does not fit is answered 503 with `Retry-After`.
   * @defaultValue 8 times `maxBodyBytes`
   */
  readonly maxTotalBodyBytes?: number | undefined
  /**
   * Time in which a body has to arrive as a whole, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no
   * limit. A later one is answered 408.
   * @defaultValue `120_000` (2 min)
   */
  readonly bodyTimeoutMs?: number | undefined
  /**
   * How many unfinished runs an owner may have that were begun through this handler, a whole number from 1, or `Infinity`
   * for no limit. A further one is answered 429 with `Retry-After`, code `too_many_runs`, and nothing is sent or paid. A
   * request that joins a run (`Idempotency-Key`, a repeated request) does not count. Counted in memory, for this handler;
   * `maxConcurrentRuns` of the pipeline makes runs wait in line instead of refusing them.
   * @defaultValue `Infinity`
   */
  readonly maxRunsPerOwner?: number | undefined
  /**
   * How long an answer waits for the upstream to accept the job, in milliseconds from 0, so that a refusal gets its own
   * status. Past it the job counts as accepted, and a refusal comes inside the stream, or as the state of the video.
   * `Infinity` waits for the outcome.
   * @defaultValue `5_000` (5 s)
   */
  readonly acceptTimeoutMs?: number | undefined
  /**
   * How long an identical request of the same owner counts as a retry of its client, in milliseconds from 0; `0` disables
   * it. A retry joins the run of the first request where its sender cannot know how that ended, so that a cut connection, or
   * a submission whose outcome is unknown, is not paid for twice. A later one starts a run of its own. Kept in memory, for
   * this process. A request with an `Idempotency-Key` joins the run of its key alone.
   * @defaultValue `600_000` (10 min)
   */
  readonly repeatWindowMs?: number | undefined
  /**
   * What happens to a run whose chat client disconnects: `continue` keeps it running, and its result is fetched by its id
   * (header `x-run-id`); `cancel` cancels it, for all clients that wait for it.
   * @defaultValue `continue`
   */
  readonly onDisconnect?: 'continue' | 'cancel' | undefined
  /**
   * Origins of pages that may call from a browser, such as `['https://chat.example']`, or `'*'` for all.
   * @defaultValue none
   */
  readonly cors?: '*' | readonly string[] | undefined
  /**
   * How `GET /v1/videos/{id}/content` gives a video: `stream` sends its bytes through this server, `redirect` redirects to
   * the URL of the result. Choose `redirect` where that URL serves the bytes themselves, which a page of Google Drive does
   * not. A function gives the address to redirect to, or `undefined` for the bytes. A video without a public URL always
   * comes as bytes.
   * @defaultValue `stream`
   */
  readonly contentDelivery?: 'stream' | 'redirect' | ((result: PipelineResultJson) => string | undefined) | undefined
  /**
   * Secret that signs the URLs that chat clients get for a video that is only behind the generator's key: anyone with such a
   * URL may fetch the video from this server. At least 16 characters.
   * @defaultValue random, so that such URLs end with the process
   */
  readonly contentSecret?: string | undefined
  /**
   * How long such a URL works, in milliseconds from 1 to 100,000,000,000,000. Past it the URL is answered 404.
   * @defaultValue `86_400_000` (1 day)
   */
  readonly contentLifetimeMs?: number | undefined
  /**
   * Address under which callers reach `basePath`, for the URLs of this server, such as `https://video.example`.
   * @defaultValue the origin of each request
   */
  readonly publicOrigin?: string | undefined
  /**
   * Lets callers name a `webhook_url` when they create a video, and signs what is sent there: `whsec_` and base64, or any
   * other text, or a function of the owner.
   * @defaultValue none: a `webhook_url` is refused
   */
  readonly webhookSecret?: string | ((owner: string) => string) | undefined
  /**
   * Hosts, hosts with a port and ranges that webhooks may be sent to beyond public addresses on ports 80 and 443, such as
   * `['10.0.0.7:9000']`; `true` for everything. Videos are fetched by the pipeline, which has an `allowPrivateAddresses` of
   * its own.
   * @defaultValue none
   */
  readonly webhookAllowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * Silence after which a stream gets a heartbeat, in milliseconds from 0: a chat a chunk with an empty delta, `/events` a
   * comment. `0` and `Infinity` send none. One timer serves all streams, so a heartbeat may come up to a second (at most a
   * quarter of this) later.
   * @defaultValue `14_000` (14 s)
   */
  readonly heartbeatMs?: number | undefined
  /**
   * Called with what failed inside: errors that callers only see as `internal_error`, webhooks that were given up, streams
   * that broke. What it throws is ignored.
   * @defaultValue none: they are not reported
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Source of time of the handler. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

/** What `authenticate` may resolve with: an owner, an answer in place of the handler's, or no caller. */
export type Caller = string | Response | false | null | undefined

/** Who made a request, and how. */
export interface PreparedCall {
  /** Owner of the caller's videos. */
  readonly owner: string
  /** Which route was called. */
  readonly route: 'chat' | 'videos' | 'remix'
  /** Headers of the request. */
  readonly headers: Headers
  /**
   * Fields of the body that the handler does not read, such as `{ fps: 24 }`, for `prepare` to make something of, such as
   * `providerOptions`. The answer names them in the header `x-ignored-parameters`. Files of a form are `{ bytes, mediaType,
   * fileName }`, fit to be an image of the request; a name that comes several times in a form has a list.
   */
  readonly otherFields: OtherFields
}
