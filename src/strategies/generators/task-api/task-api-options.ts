import { checkOptions, type OptionRules } from '../../../contracts/check-options.js'
import { aFunction, choice, nested, required, rule, trueOrFalse } from '../../../contracts/option-rules.js'
import type { VideoRequest } from '../../../contracts/request.js'
import { keyInHeaders } from '../../option-rules.js'
import type { RequestField } from '../unsupported-field.js'
import type { TaskApiOperation } from './operation.js'
import { serviceDefaults, serviceRules, type TaskServiceOptions } from './service-options.js'
import type { TaskApiAnswer, TaskApiReading } from './task-api-answer.js'
import type { TaskApiRequest } from './task-api-request.js'

/** The request as `create` gets it: media is a text, so that it fits into JSON. */
export type TaskApiVideoRequest = Omit<VideoRequest, 'image' | 'lastFrame' | 'references' | 'audioInput' | 'video'> & {
  /** An https address, or a data URL. */
  readonly image?: string | undefined
  /** An https address, or a data URL. */
  readonly lastFrame?: string | undefined
  /** Each an https address, or a data URL. */
  readonly references?: readonly string[] | undefined
  /** An https address, or a data URL. */
  readonly audioInput?: string | undefined
  /** An https address, or a data URL. */
  readonly video?: string | undefined
}

/** What `create` gets beside the request. */
export interface TaskApiCreateContext {
  /** Id of the run. */
  readonly runId: string
  /** Sent as `Idempotency-Key`; also for an API that takes it as a field. */
  readonly idempotencyKey: string
  /** Address that the API may call when the job changes, from `wakeUrl` of the pipeline; see `sendsCallback`. */
  readonly callbackUrl?: string | undefined
  /**
   * A data URL of the request as a file, for a `FormData`: an image, a video or a sound. An address rejects the request with
   * `InvalidRequestError`.
   */
  readonly toFile: (dataUrl: string) => File
}

/** How a job is addressed after its submission: by its id, and by the `data` that `create` and `read` keep with it. */
export interface TaskApiCall {
  /**
   * Path below `baseUrl`, such as `/tasks/${encodeURIComponent(id)}`; a query is allowed. Before each submission it is tried with
   * ids of many forms and the `data` that `create` returned for it: if it fails for all of them, nothing is sent, and `start` rejects
   * with a `ConfigurationError`. Where there is a `read`, which may add to the data, it is tried with any data as well.
   */
  readonly path: (operation: TaskApiOperation) => string
  /** @defaultValue `'GET'` of a poll, `'POST'` of a cancellation */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | undefined
  /** Body that is sent as JSON. @defaultValue none */
  readonly body?: ((operation: TaskApiOperation) => object) | undefined
}

/** How a finished job is asked for its video. */
export interface TaskApiResult {
  /** Path below `baseUrl`; a query is allowed. */
  readonly path: (operation: TaskApiOperation) => string
}

/** The list in which a submission of unknown outcome is searched for. */
export interface TaskApiFind {
  /**
   * Path of a page below `baseUrl`, such as `/tasks?page=${number}`. The first page is number 1. `after` is the cursor that the page
   * before names, or the id of its last job. A cursor is a text that is not empty, or a whole number other than 0, under `next_cursor`,
   * `next_page_token`, `next_token`, `next`, `next_page`, `last_id`, `after` or `cursor`, also as `nextCursor`, `nextPageToken` and
   * `nextToken`: beside the list, in an object around it, or in `pagination`, `paging`, `page_info`, `meta` or `metadata` there. An
   * address of the next page is no cursor.
   */
  readonly path: (page: { readonly number: number; readonly after: string | undefined }) => string
}

/** Options of `taskApiGenerator`. */
export interface TaskApiGeneratorOptions extends TaskServiceOptions {
  /**
   * How `apiKey` is sent: `Authorization: Bearer …`, `Key …` or `Token …`, or alone in the header `x-api-key` or `x-goog-api-key`. A key
   * in a query is not supported, because queries end up in logs.
   * @defaultValue `'Bearer'`
   */
  readonly authScheme?: 'Bearer' | 'Key' | 'Token' | 'x-api-key' | 'x-goog-api-key' | undefined
  /**
   * Maps a request to the one request that submits the job. If it throws, nothing is sent, and the next generator may be tried: an
   * error of the library is passed on, any other becomes a `ConfigurationError`. So it is with a promise that does not settle within
   * `createTimeoutMs`, a `NetworkError`, and with a text that stands for a missing value, such as `undefined` in a `FormData`, a
   * `ConfigurationError`.
   *
   * A field of the request that it does not read is reported: those that change the video (`image`, `lastFrame`, `references`,
   * `audioInput`, `video`, `remixOf`, `storyboard`, `style`) with an `InvalidRequestError`, any other with a `warning`. `providerOptions` are merged into the body last, unless it reads
   * them: objects field by field at every depth, while any other value, such as a list, replaces that of the body.
   *
   * A field counts as read when it is read by its name. Reading all fields at once (`{ prompt, ...rest }`, `{ ...request }`,
   * `Object.entries`) reads none by name: such a field counts only if the request that `create` returns shows it, with its value under
   * its own name (`durationSeconds` or `duration_seconds`), or a text of 8 characters or more, a list or an object anywhere.
   */
  readonly create: (
    request: TaskApiVideoRequest,
    context: TaskApiCreateContext,
  ) => TaskApiRequest | Promise<TaskApiRequest>
  /**
   * Reads an answer; it must not be async. If it throws or returns another shape, the outcome of a submission is unknown, and a poll is
   * missed, with an `UpstreamResponseError` that names the field or the thrown error. Before the first submission it is called once for
   * each phase with an answer that stands for any other: if it fails without looking at the answer, returns a promise or an unknown
   * field, or uses a variable that does not exist, nothing is sent, and `start` rejects with a `ConfigurationError`.
   * @defaultValue the tables of synonyms that all generators share
   */
  readonly read?: ((answer: TaskApiAnswer) => TaskApiReading) | undefined
  /**
   * The request that polls a job. @defaultValue the address that the answer to the submission names (`status_url`, `polling_url`,
   * `Location`), on the origin of `baseUrl`
   */
  readonly poll?: TaskApiCall | undefined
  /**
   * The request for the video of a finished job, for an API whose polls do not name it. It is sent whatever addresses a poll names,
   * unless `read` gave `urls`; those that the poll names come after the ones of the result. 413 and 422 in answer to it are the verdict
   * on the job, and so are a third 400 in a row, a 5xx after three in a row over a minute, and 502, 503, 504 and 529 after five in a row
   * over five minutes, which each process counts for itself. An answer that announces the video, such as `not completed yet`, costs a
   * poll. Where the poll names a video, a 5xx as above and any other refusal after three in a row over a minute lead back to it. The
   * answer may be the video itself. @defaultValue `resultUrl` of the answer to the submission or to a poll, if `read` gives one
   */
  readonly result?: TaskApiResult | undefined
  /**
   * The request that cancels a job. The job is polled first, and only a job that is not over is cancelled.
   * @defaultValue `POST` to `cancelUrl` of the answer to the submission, if `read` gives one; otherwise a job cannot be cancelled
   */
  readonly cancel?: (Omit<TaskApiCall, 'path'> & Partial<Pick<TaskApiCall, 'path'>>) | undefined
  /**
   * The list in which a submission of unknown outcome is searched for, by its prompt and time. Give it only for an API that lists every
   * job it accepted, with the prompt that was sent: a job that is not listed is submitted again. For each lookup `create` is called once
   * more, for the prompt that it sends and its `data`. A listed prompt that may be the begin of the one that was sent, or that one with
   * another case or other signs, proves nothing. Its times may be up to an hour off the clock in its answers; a list that cannot prove that the job is absent
   * ends the run in review. @defaultValue none: the run ends in review
   */
  readonly find?: TaskApiFind | undefined
  /**
   * Whether `create` sends `callbackUrl` of its context to the API.
   * @defaultValue `false`: jobs are only polled
   */
  readonly sendsCallback?: boolean | undefined
  /**
   * The fields of a request that `create` sends, for a `create` that reads fields without sending them, or reads all fields at once and
   * sends some in another form.
   * @defaultValue those that `create` reads
   */
  readonly supports?: readonly Exclude<keyof VideoRequest, 'prompt' | 'metadata' | 'providerOptions'>[] | undefined
}

const FIELDS: { readonly [Field in RequestField]: true } = {
  model: true,
  durationSeconds: true,
  size: true,
  aspectRatio: true,
  image: true,
  lastFrame: true,
  references: true,
  audioInput: true,
  video: true,
  remixOf: true,
  storyboard: true,
  style: true,
  seed: true,
  audio: true,
  user: true,
}
const aMethod = choice('GET', 'POST', 'PUT', 'PATCH', 'DELETE')
// Its result is needed at once.
const aPlainFunction = rule(
  (value) => typeof value === 'function' && value.constructor.name !== 'AsyncFunction',
  'give a function that is not async',
)
const aCall = { path: aPlainFunction, method: aMethod, body: aPlainFunction } as const
const someFields = rule(
  (value) => Array.isArray(value) && value.every((field) => typeof field === 'string' && Object.hasOwn(FIELDS, field)),
  `give a list of ${Object.keys(FIELDS).join(', ')}`,
)

const RULES: OptionRules<TaskApiGeneratorOptions> = {
  ...serviceRules,
  authScheme: choice('Bearer', 'Key', 'Token', 'x-api-key', 'x-goog-api-key'),
  create: required(aFunction),
  read: aPlainFunction,
  poll: nested<TaskApiCall>({ ...aCall, path: required(aPlainFunction) }),
  result: nested<TaskApiResult>({ path: required(aPlainFunction) }),
  cancel: nested<TaskApiCall>(aCall),
  find: nested<TaskApiFind>({ path: required(aPlainFunction) }),
  sendsCallback: trueOrFalse,
  supports: someFields,
}

/** The options with their defaults. */
export function checkTaskApiOptions(given: TaskApiGeneratorOptions) {
  checkOptions('taskApiGenerator', given, RULES, (valid) => keyInHeaders(valid, valid.authScheme))
  return { ...given, ...serviceDefaults(given) }
}
