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
   * Keys that callers send as `Authorization: Bearer …`: texts, or `{ key, owner }`. A caller sees the videos of the
   * owner of its key; a text is its own owner. Give several keys to one owner to replace a key without downtime. Keys
   * are compared in constant time. Without keys and without `authenticate` every client may call, all share their
   * videos, and a process warning reports it once, unless `public` is `true`. Given as `undefined` without
   * `authenticate` and `public`, as by an environment variable that is not set, it is an error.
   * @defaultValue none
   */
  readonly apiKeys?: readonly ApiKey[] | undefined
  /**
   * Replaces `apiKeys`: returns the owner of a request, a name that is stored with the videos (1 to 255 characters
   * without control characters, not a secret). `undefined`, `null`, `false` and the empty text mean no caller, which
   * is answered 401. A `Response` is sent to the caller unchanged, such as for your own rate limit. Anything else,
   * such as `true` or a user object, is answered 500, and `onError` is called with a `ConfigurationError` that names
   * it.
   * @defaultValue none
   */
  readonly authenticate?: ((request: Request) => Caller | Promise<Caller>) | undefined
  /**
   * Whether the server is open on purpose, so that every client may use it at your cost; no warning is given then. It
   * excludes `apiKeys` and `authenticate`.
   * @defaultValue `false`
   */
  readonly public?: boolean | undefined
  /** Prefix of the paths, such as `/api/v1` where the handler is mounted there. @defaultValue `/v1` */
  readonly basePath?: string | undefined
  /**
   * Answers `GET` and `HEAD` of `/healthz`, or of the given path, without a key: 200 if the store answers a read within 2
   * seconds, else 503, and 503 from the call of `close` on. The path is not below `basePath` and comes before every route. An
   * outcome counts for a second, so a flood of requests does not reach the store. It shows nothing but a `status`: `ok`,
   * `store_unavailable` or `closing`.
   * @defaultValue `false`
   */
  readonly healthz?: boolean | string | undefined
  /**
   * The models that callers may name, also for `GET /v1/models`: names that `readModel` reads, or fields of the
   * request for each name, such as `{ 'cat-video': { model: 'wan-2.2', durationSeconds: 8 } }`. Any other name is
   * answered 404.
   * @defaultValue every name is accepted; the list has `sora-1.0`
   */
  readonly models?: readonly string[] | Readonly<Record<string, Partial<VideoRequest>>> | undefined
  /**
   * Reads fields of the request from the model name, such as an orientation from `sora2-landscape-10s`; fields of the
   * body take precedence. An error that it throws is the answer.
   * @defaultValue the names of the sora2api family are read
   */
  readonly readModel?: ((model: string) => Partial<VideoRequest>) | undefined
  /**
   * Reads fields of the request from the text of the last message, such as `{anime}` or `[5.0s]`, and returns the
   * rest as `prompt`. An error that it throws is the answer.
   * @defaultValue the markers of the sora2api family are read
   */
  readonly readPrompt?: ((prompt: string) => Partial<VideoRequest> & { readonly prompt: string }) | undefined
  /**
   * Last step before a run starts: returns the request to run. An error that it throws is the answer: an error of the
   * library with its status, such as a `QuotaExceededError` for a caller without credit.
   * @defaultValue none: the request is run unchanged
   */
  readonly prepare?: ((request: VideoRequest, call: PreparedCall) => VideoRequest | Promise<VideoRequest>) | undefined
  /**
   * Maximum size of a body in bytes, at least 1, counted while it is read; images are part of the body. A longer one
   * is answered 413.
   * `Infinity` for no limit.
   * @defaultValue `26_214_400` (25 MiB)
   */
  readonly maxBodyBytes?: number | undefined
  /**
   * Maximum bytes of bodies that this handler holds at one moment while it reads them, at least `maxBodyBytes`;
   * `Infinity` for
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
   * Maximum unfinished runs of an owner that were started through handlers, a whole number from 1, or `Infinity` for no limit. A further request is answered 429 with `Retry-After`, code `too_many_runs`, and nothing is sent or
   * paid. A request that joins a run (`Idempotency-Key`, a repeated request) does not count. Counted in the store, for
   * all processes together; in memory, for this handler, if the store keeps no notes. `maxConcurrentRuns` of the pipeline makes runs
   * wait in line instead of refusing them.
   * @defaultValue `Infinity`
   */
  readonly maxRunsPerOwner?: number | undefined
  /**
   * How long an answer waits for the upstream to accept the job, in milliseconds from 0, so that a refusal gets its
   * own status. Past it the request is answered as accepted, and a refusal is reported in the stream, or as the state
   * of the video. `Infinity` waits for the outcome. A new run is awaited longer until the store has it, which
   * `storeTimeoutMs` of the pipeline limits, because a run that is not saved cannot be found later.
   * @defaultValue `5_000` (5 s)
   */
  readonly acceptTimeoutMs?: number | undefined
  /**
   * How long an identical request of the same owner counts as a client's retry, in milliseconds from 0; `0` disables
   * it. A retry joins the run of the first request if its sender cannot know the outcome, so that a cut connection,
   * or a submission whose outcome is unknown, is not paid for twice. So does a request after a run that has failed
   * without proof that there is no video, such as one whose paid job the upstream no longer shows; a job that failed at
   * the upstream is such a proof. A later request starts a new run. Kept in
   * the store, for all processes; in memory, for this one, if the store keeps no notes, and for runs that failed so. A request
   * with an `Idempotency-Key` joins only the run of its key.
   * @defaultValue `600_000` (10 min)
   */
  readonly repeatWindowMs?: number | undefined
  /**
   * The effect on a run when its chat client disconnects: `continue` keeps it running, and its result can be fetched
   * by its id (header `x-run-id`); `cancel` cancels it, for all clients that wait for it.
   * @defaultValue `continue`
   */
  readonly onDisconnect?: 'continue' | 'cancel' | undefined
  /**
   * Origins of pages that may call from a browser, such as `['https://chat.example']`, or `'*'` for all.
   * @defaultValue none
   */
  readonly cors?: '*' | readonly string[] | undefined
  /**
   * How `GET /v1/videos/{id}/content` delivers a video: `stream` sends its bytes through this server, `redirect`
   * redirects to the URL of the result. Choose `redirect` if that URL serves the bytes themselves, which a page of
   * Google Drive does not. A function returns the address to redirect to, or `undefined` for the bytes. A video
   * without a public URL is always sent as bytes.
   * @defaultValue `stream`
   */
  readonly contentDelivery?: 'stream' | 'redirect' | ((result: PipelineResultJson) => string | undefined) | undefined
  /**
   * Secret that signs the URLs of this server for videos that need the generator's key; chat clients receive these
   * URLs. Anyone with such a URL may fetch the video from this server. It also signs the addresses of `createWakeUrl`,
   * for webhooks of upstreams, which need it. At least 16 characters.
   * @defaultValue random, so that such URLs expire with the process, and no webhook of an upstream is accepted
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
   * Lets callers give a `webhook_url` when they create a video, and signs the webhooks: `whsec_` and base64, any
   * other text, or a function of the owner. A webhook is kept in the store with its run, and sent at least once by any process with
   * this option; in memory, by this process, if the store keeps no notes.
   * @defaultValue none: a `webhook_url` is refused
   */
  readonly webhookSecret?: string | ((owner: string) => string) | undefined
  /**
   * Hosts, hosts with a port and ranges that webhooks may be sent to beyond public addresses on ports 80 and 443,
   * such as `['10.0.0.7:9000']`; `true` for everything. Videos are fetched by the pipeline, which has its own
   * `allowPrivateAddresses`.
   * @defaultValue none
   */
  readonly webhookAllowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * Silence after which a stream gets a heartbeat, in milliseconds from 0: a chunk with an empty delta in a chat, a
   * comment in `/events`. `0` and `Infinity` send none. One timer serves all streams, so a heartbeat may be up to a
   * second (at most a quarter of this) late.
   * @defaultValue `14_000` (14 s)
   */
  readonly heartbeatMs?: number | undefined
  /**
   * Whether the handler serves a page for people at `GET {basePath}/page`, such as `/v1/page`: start a video, watch its
   * stages, play it. The page is one file without requests to other servers. It loads without a key; its data needs
   * the same key as every other route, which a person enters and the tab keeps in `sessionStorage`. With `authenticate` by cookie
   * no key is needed. `contentDelivery: 'redirect'` to another origin gives a link in place of the player.
   * @defaultValue `false`: the path is answered 404
   */
  readonly page?: boolean | undefined
  /**
   * Called with internal failures: errors of this server, which callers see without details (`internal_error`,
   * `configuration_error`, `store_unavailable`), conflicts of runs, and webhooks that were given up. `toNodeListener`
   * calls it as well, with answers that were cut, unless it has its own. An error that it throws is ignored.
   * @defaultValue the first error of this server is a warning of the process, once per process, with the code
   * `SORA_PIPELINE_HANDLER_ERROR`; later ones are not reported
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Source of time of the handler. @defaultValue the system clock */
  readonly clock?: Clock | undefined
}

/** The result of `authenticate`: an owner, an answer instead of the handler's, or no caller. */
export type Caller = string | Response | false | null | undefined

/** The caller of a request, and the route. */
export interface PreparedCall {
  /** Owner of the caller's videos. */
  readonly owner: string
  /** Which route was called. */
  readonly route: 'chat' | 'videos' | 'remix' | 'edits' | 'extensions'
  /** Headers of the request. */
  readonly headers: Headers
  /**
   * Fields of the body that the handler does not read, such as `{ fps: 24 }`, for `prepare`, which may copy them into
   * `providerOptions`. The answer names them in the header `x-ignored-parameters`. Files of a form are `{ bytes,
   * mediaType, fileName }` and can be the image of the request; a name that occurs several times in a form has a
   * list. Those of the Videos API that mean media or a count, such as `images` or `n: 2`, are answered with 400 unless `prepare` reads
   * them here.
   */
  readonly otherFields: OtherFields
}
