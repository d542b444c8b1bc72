import type { Clock } from '../contracts/clock.js'
import type { VideoRequest } from '../contracts/request.js'
import type { PipelineResultJson } from '../contracts/result.js'
import type { ChatCompletionOptions } from '../openai/chat-completion-options.js'
import type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
import type { ApiKey } from './api-keys.js'
import type { ChatReading } from './requests/chat-request.js'
import type { OtherFields } from './requests/other-fields.js'

/** Options of {@link createHandler}. */
export interface HandlerOptions
  extends Pick<ChatCompletionOptions, 'texts' | 'progress' | 'content' | 'role'>,
    Pick<ChatReading, 'readModel' | 'readPrompt'> {
  /**
   * Keys that callers show as `Authorization: Bearer …`: texts, or `{ key, owner }`. Who shows one owns the videos of its owner;
   * a text is an owner of its own. Several keys of one owner let a key be changed. Compared in constant time.
   * Without keys and without `authenticate` every client may call, all share their videos, and a warning of the process says so
   * once, unless `public` is `true`.
   * @defaultValue none
   */
  readonly apiKeys?: readonly ApiKey[] | undefined
  /**
   * In place of `apiKeys`: who calls, as a name that is kept with the videos (1 to 255 characters without control characters, no
   * secret). `undefined`, `null`, `false` and the empty text are no caller, who is answered 401. A `Response` is given to the
   * caller unchanged, such as for a limit of your own. Anything else, such as `true` or a user object, is answered 500, and
   * `onError` is called with a `ConfigurationError` that names it.
   */
  readonly authenticate?: ((request: Request) => Caller | Promise<Caller>) | undefined
  /**
   * `true` for a server that every client may use at your cost, on purpose: no warning then. Excludes `apiKeys` and
   * `authenticate`.
   * @defaultValue `false`
   */
  readonly public?: boolean | undefined
  /**
   * What the paths begin with, such as `/api/v1` where the handler is mounted there.
   * @defaultValue `/v1`
   */
  readonly basePath?: string | undefined
  /**
   * The models that callers may name, for `GET /v1/models` too: names that are read by `readModel`, or for each name what it stands
   * for, such as `{ 'cat-video': { model: 'wan-2.2', durationSeconds: 8 } }`. Any other name is answered 404.
   * @defaultValue every name is taken; the list has `sora-1.0`
   */
  readonly models?: readonly string[] | Readonly<Record<string, Partial<VideoRequest>>> | undefined
  /**
   * The last word on a request before its run begins: gives back the request to run. What it throws is the answer: an error of the
   * library with its status, such as a `QuotaExceededError` for a caller who has had enough.
   */
  readonly prepare?: ((request: VideoRequest, call: PreparedCall) => VideoRequest | Promise<VideoRequest>) | undefined
  /**
   * Longest body in bytes above 0, counted while it is read; images come inside the body. Longer ones are answered 413.
   * @defaultValue 26214400 (25 MiB)
   */
  readonly maxBodyBytes?: number | undefined
  /**
   * How many bytes of bodies this handler holds at one moment while it reads them, at least `maxBodyBytes`; `Infinity` for no
   * limit. A body that does not fit any more is answered 503 with `Retry-After`.
   * @defaultValue 8 times `maxBodyBytes`
   */
  readonly maxTotalBodyBytes?: number | undefined
  /**
   * In how many milliseconds above 0 a body has to arrive as a whole; `Infinity` for no limit. One that does not is answered 408.
   * @defaultValue 120000
   */
  readonly bodyTimeoutMs?: number | undefined
  /**
   * How many unfinished runs an owner may have that were begun through this handler, a whole number above 0, or `Infinity`. A
   * further one is answered 429 with `Retry-After`, code `too_many_runs`, and nothing is sent or paid. A request that joins a run
   * (`Idempotency-Key`, a repeated request) does not count. Counted in memory, for this handler; `maxConcurrentRuns` of the
   * pipeline makes runs wait in line in place of refusing them.
   * @defaultValue Infinity
   */
  readonly maxConcurrentRuns?: number | undefined
  /**
   * How long an answer waits for the upstream to take the job, in milliseconds from 0, so that a refusal gets its own status. After
   * that the job counts as taken, and a refusal comes inside the stream, or as the state of the video.
   * @defaultValue 5000
   */
  readonly acceptTimeoutMs?: number | undefined
  /**
   * For how long a request that comes again word for word from the same owner is taken for its client's own second try, in
   * milliseconds from 0, which is not at all: it joins the run that it began, where its sender cannot know how that went. So a
   * connection that was cut, or a submission whose outcome is unknown, is not paid for again by clients that
   * try again by themselves. Kept in memory, for this process. A request with an `Idempotency-Key` joins the run of its key alone.
   * @defaultValue 600000 (ten minutes)
   */
  readonly repeatWindowMs?: number | undefined
  /**
   * What happens to a run whose chat client disconnects: it continues, and its result is fetched by its id (header `x-run-id`), or it
   * is cancelled, for all clients that wait for it.
   * @defaultValue `continue`
   */
  readonly onDisconnect?: 'continue' | 'cancel' | undefined
  /**
   * Origins of pages that may call from a browser, such as `['https://chat.example']`, or `'*'` for all.
   * @defaultValue none
   */
  readonly cors?: '*' | readonly string[] | undefined
  /**
   * How `GET /v1/videos/{id}/content` gives a video: its bytes through this server, or a redirect to the URL of the result. Choose
   * `redirect` where that URL serves the bytes themselves, which a page of Google Drive does not. A function gives the address to
   * redirect to, or `undefined` for the bytes. A video without a public URL always comes as bytes.
   * @defaultValue `stream`
   */
  readonly contentDelivery?: 'stream' | 'redirect' | ((result: PipelineResultJson) => string | undefined) | undefined
  /**
   * Signs the URLs that chat clients get for a video that is only behind the generator's key: anyone who has such a URL may fetch the
   * video from this server. At least 16 characters.
   * @defaultValue random, so that such URLs end with the process
   */
  readonly contentSecret?: string | undefined
  /**
   * How long such a URL works, in milliseconds above 0.
   * @defaultValue 86400000 (a day)
   */
  readonly contentLifetimeMs?: number | undefined
  /**
   * Where callers reach `basePath`, for the URLs of this server, such as `https://video.example`.
   * @defaultValue the origin of each request
   */
  readonly publicOrigin?: string | undefined
  /**
   * Lets callers name a `webhook_url` when they create a video, and signs what is sent there: `whsec_` and base64, or any other
   * text, or a function of the owner.
   * @defaultValue none: a `webhook_url` is refused
   */
  readonly webhookSecret?: string | ((owner: string) => string) | undefined
  /**
   * Hosts, hosts with a port and ranges that webhooks may be sent to beyond public addresses on ports 80 and 443, such as
   * `['10.0.0.7:9000']`; `true` for everything. Videos are fetched by the pipeline, which has an `allowPrivateAddresses` of its own.
   * @defaultValue none
   */
  readonly webhookAllowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * After how many milliseconds from 0 in which nothing was sent a stream gets a sign of life: that of a chat a chunk with an empty
   * delta, that of `/events` a comment. 0 and `Infinity` for none. One timer serves all streams, so it may come up to a second (at
   * most a quarter of this) later.
   * @defaultValue 14000
   */
  readonly heartbeatMs?: number | undefined
  /**
   * Told of what went wrong inside: errors that callers only see as `internal_error`, webhooks that were given up, streams that
   * broke. What it throws is ignored.
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /** @defaultValue the machine's own time */
  readonly clock?: Clock | undefined
}

/** What `authenticate` may resolve with: an owner, an answer in place of the handler's, or no caller. */
export type Caller = string | Response | false | null | undefined

/** Who made a request, and how. */
export interface PreparedCall {
  readonly owner: string
  readonly route: 'chat' | 'videos' | 'remix'
  readonly headers: Headers
  /**
   * Fields of the body that the handler does not read, such as `{ fps: 24 }`, for `prepare` to make something of, such as
   * `providerOptions`. The answer names them in the header `x-ignored-parameters`. Files of a form are `{ bytes, mediaType,
   * fileName }`, fit to be an image of the request; a name that comes several times in a form has a list.
   */
  readonly otherFields: OtherFields
}
