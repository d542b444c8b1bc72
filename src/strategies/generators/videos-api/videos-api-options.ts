import type { Agent } from 'node:http'
import { checkOptions, type OptionRules, optionProblem } from '../../../contracts/check-options.js'
import { aTimeout, choice, number, required, rule, text, whole } from '../../../contracts/option-rules.js'
import type { AllowPrivateAddresses } from '../../../upstream/download/allowed-destinations.js'
import type { Fetch } from '../../../upstream/outgoing-request.js'
import type { ApiCredential } from '../../../upstream/secret.js'
import { address, aFetch, anAgent, credential, headers, named, privateAddresses } from '../../option-rules.js'
import { DIALECTS, type VideosApiDialect } from './dialect.js'

/** Options of `videosApiGenerator`. */
export interface VideosApiGeneratorOptions {
  /**
   * Name in events, handles and messages. A run is resumed by a generator of the same name.
   * @defaultValue `'videos-api'`
   */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * Address of the API in the form of the official SDK, such as `https://api.example/v1`. There is no default. A
   * query is added to every request; user name and password are refused.
   */
  readonly baseUrl: string
  /**
   * The upstream that jobs belong to, such as `api.example`: a job is polled only by a generator of the same name and
   * upstream. Set it when the same upstream is reached by another address after a deploy, such as through a proxy.
   * @defaultValue origin and path of `baseUrl`
   */
  readonly upstreamId?: string | undefined
  /**
   * Key that is sent as `Authorization: Bearer …`, only to the origin of `baseUrl`; a function is called before each
   * request.
   * @defaultValue none, for a server without keys, whose `/content` then counts as public
   */
  readonly apiKey?: ApiCredential | undefined
  /** Model for requests that name none. @defaultValue none: the server decides */
  readonly model?: string | undefined
  /**
   * The server, for the names of the fields that it takes: `seed`, `audio` and `aspectRatio` are sent to `openrouter`, `litellm` and
   * `vllm-omni`, `seed` to `sglang`; an image goes into `input_reference`, `frame_images`, `image_reference` or `reference_url`.
   * `openrouter` takes only JSON and `vllm-omni` only forms. A field without a name there gives a warning, or an
   * `InvalidRequestError` if it changes the result.
   * @defaultValue `'openai'`
   */
  readonly dialect?: VideosApiDialect | undefined
  /**
   * How an image is sent that a request gives as an http or https address. `bytes`: it is fetched once, before the submission, from
   * public addresses and those of `allowPrivateAddresses`, and sent as a file, or as a data URL in JSON; the run keeps it, so that each
   * submission sends the same bytes. `data-url`: the same, always as a data URL. `url`: the address is sent, and the server fetches it.
   * An address that cannot be fetched is an `InvalidRequestError` before anything is paid.
   * @defaultValue `'url'` for the dialects `openrouter` and `sglang`, else `'bytes'`
   */
  readonly imageUrls?: 'bytes' | 'url' | 'data-url' | undefined
  /**
   * Largest image that is fetched, in bytes from 1; a longer one is an `InvalidRequestError`.
   * @defaultValue `20_971_520` (20 MiB)
   */
  readonly maxImageBytes?: number | undefined
  /**
   * How a submission is encoded. `auto` sends JSON, or a form if bytes have to be sent. If the server refuses that
   * encoding (415, or a 400 or 422 that names it), the same submission is sent once more in the other one, because a
   * refusal proves that nothing was accepted. The accepted encoding is remembered.
   * @defaultValue `'auto'`
   */
  readonly encoding?: 'auto' | 'json' | 'multipart' | undefined
  /**
   * Whether the length is sent as a text, as OpenAI defined it, or as a number, as some gateways need it.
   * @defaultValue `'number'` for the dialects `openrouter` and `sglang`, else `'string'`
   */
  readonly secondsType?: 'string' | 'number' | undefined
  /**
   * Where `video` of a request is sent: to `/videos/edits` or to `/videos/extensions`. A request overrides it with
   * `providerOptions: { videoInput: 'extensions' }`.
   * @defaultValue `'edits'`
   */
  readonly videoInput?: 'edits' | 'extensions' | undefined
  /**
   * Field of the body for the address that the server calls when the job changes, from `wakeUrl` of the pipeline. Give it
   * only for a server that has such a field, such as `callback_url` of LLM Gateway and OpenRouter, which takes https alone;
   * OpenAI's API and new-api have none. The same name in `providerOptions` takes precedence.
   * @defaultValue none: no address is sent, and jobs are only polled
   */
  readonly callbackField?: string | undefined
  /** Headers that are sent with every request to the origin of `baseUrl`, and to no other. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Time limit of a poll or a cancellation with its body, and of the headers of a download, in milliseconds above 0 and at
   * most 2,147,483,647, or `Infinity` for no limit. A poll past it is a missed poll.
   * @defaultValue `10_000` (10 s)
   */
  readonly timeoutMs?: number | undefined
  /**
   * Time limit of a submission, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit. Past it the
   * outcome is unknown. Servers that answer with the finished video take minutes.
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
   * Whether a submission whose outcome is unknown is searched for in the server's list, `GET /videos`, by its prompt and
   * time. Set `list` only for a server that lists every job it accepted, with its prompt: a job that is not listed is
   * submitted again. A list without prompts, or with more than 2,000 recent jobs, proves nothing: the run ends in review.
   * @defaultValue `'none'`
   */
  readonly lookup?: 'list' | 'none' | undefined
  /**
   * Time after which an accepted job is certainly listed, in milliseconds from 0 (finite). A lookup that finds
   * nothing before it proves nothing.
   * @defaultValue `createTimeoutMs` plus 10 seconds, at most `130_000`
   */
  readonly settleMs?: number | undefined
  /**
   * Where a video may be fetched from beyond the origin of `baseUrl` and public addresses on ports 80 and 443: hosts
   * (`'127.0.0.1'`), hosts with a port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything. The server
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
   * same origin and the same number. Further polls wait, within `timeoutMs`; a submission opens its own connection and
   * does not wait. With `fetch`, as many polls call it at once. With `agent`, its own `maxSockets` counts instead.
   * @defaultValue `64`
   */
  readonly maxSockets?: number | undefined
  /**
   * Agent of `node:http` or `node:https`, such as one for a proxy. It is used on Node unless `fetch` is given or
   * `globalThis.fetch` was replaced.
   * @defaultValue a separate connection for each submission, and up to `maxSockets` that polls share
   */
  readonly agent?: Agent | undefined
}

const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...['prompt', 'model', 'seconds', 'size', 'input_reference', 'video', 'duration', 'seed', 'user'],
  ...['aspect_ratio', 'generate_audio', 'generate_sound', 'frame_images', 'image_reference', 'reference_url'],
])

const RULES: OptionRules<VideosApiGeneratorOptions> = {
  ...named,
  baseUrl: required(address('"https://api.example/v1"', 'apiKey or headers')),
  upstreamId: text('give a name or leave it out'),
  apiKey: credential,
  model: text('give a model or leave it out'),
  dialect: choice(...Object.keys(DIALECTS)),
  imageUrls: choice('bytes', 'url', 'data-url'),
  maxImageBytes: whole(1),
  encoding: choice('auto', 'json', 'multipart'),
  secondsType: choice('string', 'number'),
  videoInput: choice('edits', 'extensions'),
  callbackField: rule(
    (value) => typeof value === 'string' && /^[a-z_][\w.-]{0,63}$/i.test(value) && !OWN_FIELDS.has(value),
    "give the name of the server's field, such as callback_url, that is no other field of a submission",
  ),
  headers,
  timeoutMs: aTimeout,
  createTimeoutMs: aTimeout,
  maxAnswerBytes: number((value) => value >= 1_000, 'give 1000 bytes or more'),
  serverErrors: choice('unknown', 'refused'),
  idempotency: choice('key', 'none'),
  lookup: choice('list', 'none'),
  settleMs: number((value) => value >= 0 && Number.isFinite(value), 'give milliseconds from 0'),
  allowPrivateAddresses: privateAddresses,
  fetch: aFetch,
  maxSockets: whole(1),
  agent: anAgent,
}

// An encoding that the server does not read would lose every submission.
function encodingProblems({ dialect = 'openai', encoding = 'auto', imageUrls }: VideosApiGeneratorOptions) {
  const only = DIALECTS[dialect].encoding
  const isOther = only !== 'auto' && encoding !== 'auto' && encoding !== only
  const isLost =
    encoding === 'multipart' && imageUrls !== undefined && imageUrls !== 'bytes' && !DIALECTS[dialect].imageInForm
  return [
    isOther ? optionProblem('encoding', encoding, `leave it out: ${dialect} takes only ${only}`) : undefined,
    isLost ? optionProblem('imageUrls', imageUrls, `give bytes: a form of ${dialect} takes only files`) : undefined,
  ]
}

/** The options with their defaults. */
export function checkVideosApiOptions(given: VideosApiGeneratorOptions) {
  checkOptions('videosApiGenerator', given, RULES, encodingProblems)
  const { dialect = 'openai' } = given
  return {
    ...given,
    name: given.name ?? 'videos-api',
    encoding: given.encoding ?? 'auto',
    dialect,
    imageUrls: given.imageUrls ?? DIALECTS[dialect].imageUrls,
    maxImageBytes: given.maxImageBytes ?? 20_971_520,
    videoInput: given.videoInput ?? 'edits',
    timeoutMs: given.timeoutMs ?? 10_000,
    createTimeoutMs: given.createTimeoutMs ?? 120_000,
    maxAnswerBytes: given.maxAnswerBytes ?? 33_554_432,
    serverErrors: given.serverErrors ?? 'unknown',
    idempotency: given.idempotency ?? 'none',
    lookup: given.lookup ?? 'none',
    maxSockets: given.maxSockets ?? 64,
    settleMs: given.settleMs ?? Math.min(130_000, (given.createTimeoutMs ?? 120_000) + 10_000),
  } as const
}

/** The options with their defaults. */
export type CheckedVideosApiOptions = ReturnType<typeof checkVideosApiOptions>
