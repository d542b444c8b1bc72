import type { Clock } from '../contracts/clock.js'
import type { VideoRequest } from '../contracts/request.js'
import type { PipelineResultJson } from '../contracts/result.js'
import type { ChatCompletionOptions } from '../openai/chat-completion-options.js'
import type { AllowPrivateAddresses } from '../upstream/download/allowed-destinations.js'
import type { ApiKey } from './api-keys.js'
import type { ChatReading } from './requests/chat-request.js'

/** Options of {@link createHandler}. */
export interface HandlerOptions
  extends Pick<ChatCompletionOptions, 'texts' | 'progress' | 'content' | 'role'>,
    Pick<ChatReading, 'readModel' | 'readPrompt'> {
  /**
   * Keys that callers show as `Authorization: Bearer …`: texts, or `{ key, owner }`. Who shows one owns the videos of its owner;
   * a text is an owner of its own. Several keys of one owner let a key be changed. Compared in constant time.
   * @defaultValue none: everybody may call, and all share their videos
   */
  readonly apiKeys?: readonly ApiKey[] | undefined
  /**
   * In place of `apiKeys`: who calls, as a name that is kept with the videos (1 to 255 characters, no secret), or `undefined` for
   * nobody, who is answered 401. A `Response` is given to the caller as it is, such as for a limit of your own.
   */
  readonly authenticate?:
    | ((request: Request) => string | Response | undefined | Promise<string | Response | undefined>)
    | undefined
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
   * Longest body in bytes, counted while it is read; images come inside the body. Longer ones are answered 413.
   * @defaultValue 26214400 (25 MiB)
   */
  readonly maxBodyBytes?: number | undefined
  /**
   * How long an answer waits for the upstream to take the job, in milliseconds from 0, so that a refusal gets its own status. After
   * that the job counts as taken, and a refusal comes inside the stream, or as the state of the video.
   * @defaultValue 5000
   */
  readonly acceptTimeoutMs?: number | undefined
  /**
   * For how long a request that comes again word for word from the same owner is taken for its client's own second try, in
   * milliseconds from 0, which is not at all: it joins the run that it began, where its sender cannot know how that went. So a
   * connection that was cut, or a submission of which nobody knows whether it was accepted, is not paid for again by clients that
   * try again by themselves. Kept in memory, for this process. A request with an `Idempotency-Key` joins the run of its key alone.
   * @defaultValue 600000 (ten minutes)
   */
  readonly repeatWindowMs?: number | undefined
  /**
   * What happens to a run whose chat client goes away: it goes on, and its result is fetched by its id (header `x-run-id`), or it
   * is cancelled, for everybody who waits for it.
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
   * Signs the URLs that chat clients get for a video that is only behind the generator's key: whoever has such a URL may fetch the
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
   * Hosts, ports and ranges beyond public addresses that webhooks may be sent to; `true` for everything.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * After how many milliseconds of silence a stream gets a comment; 0 and `Infinity` for none. One timer serves all streams, so a
   * comment may come up to a second (at most a quarter of this) later.
   * @defaultValue 14000
   */
  readonly heartbeatMs?: number | undefined
  /**
   * After how many milliseconds without a chunk a stream gets an empty one; 0 and `Infinity` for none.
   * @defaultValue 55000
   */
  readonly heartbeatChunkMs?: number | undefined
  /**
   * Told of what went wrong inside: errors that callers only see as `internal_error`, webhooks that were given up, streams that
   * broke. What it throws is ignored.
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /** @defaultValue the machine's own time */
  readonly clock?: Clock | undefined
}

/** Who made a request, and how. */
export interface PreparedCall {
  readonly owner: string
  readonly route: 'chat' | 'videos' | 'remix'
  readonly headers: Headers
}
