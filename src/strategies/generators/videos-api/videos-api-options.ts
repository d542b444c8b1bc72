import { checkOptions, type OptionRules, optionProblem } from '../../../contracts/check-options.js'
import { choice, required, rule } from '../../../contracts/option-rules.js'
import type { ApiCredential } from '../../../upstream/secret.js'
import { address, keyInHeaders, named } from '../../option-rules.js'
import { serviceRules, type TaskServiceOptions } from '../task-api/service-options.js'
import { DIALECTS, type VideosApiDialect } from './dialect.js'

/** Options of `videosApiGenerator`. */
export interface VideosApiGeneratorOptions extends Omit<TaskServiceOptions, 'name' | 'imageUrls'> {
  /**
   * Name in events, handles and messages. A run is resumed by a generator of the same name.
   * @defaultValue `'videos-api'`
   */
  readonly name?: string | undefined
  /**
   * Address of the API in the form of the official SDK, such as `https://api.example/v1`. There is no default. A
   * query is added to every request; user name and password are refused.
   */
  readonly baseUrl: string
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
   * `lastFrame` and `references` are sent to `openrouter`, `litellm` and `vllm-omni`, and `audioInput` to `openrouter` and `vllm-omni`;
   * references exclude a first and a last frame. `openrouter` takes only JSON and `vllm-omni` only forms. A field without a name there gives a warning, or an
   * `InvalidRequestError` if it changes the result.
   * @defaultValue `'openai'`
   */
  readonly dialect?: VideosApiDialect | undefined
  /**
   * How an image, a last frame and references are sent that a request gives as http or https addresses. `bytes`: each is fetched once, before the submission, from
   * public addresses and those of `allowPrivateAddresses`, and sent as a file, or as a data URL in JSON and beside further images; the run
   * keeps it, so that each submission sends the same bytes. `data-url`: the same, always as a data URL. `url`: the address is sent, and the server fetches it.
   * An address that cannot be fetched is an `InvalidRequestError` before anything is paid.
   * @defaultValue `'url'` for the dialects `openrouter` and `sglang`, else `'bytes'`
   */
  readonly imageUrls?: 'bytes' | 'url' | 'data-url' | undefined
  /**
   * How a submission is encoded. `auto` sends JSON, or a form if bytes have to be sent. If the server refuses that
   * encoding (415, or a 400 or 422 that names it), the same submission is sent once more in the other one, because a
   * refusal proves that nothing was accepted. The accepted encoding is remembered. An image that is sent as an address or a data URL is
   * sent in the other one only with the dialect `sglang`: other servers may ignore it in a form, and the error advises `imageUrls: 'bytes'`.
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
  /**
   * Whether a submission whose outcome is unknown is searched for in the server's list, `GET /videos`, by its prompt and
   * time. Set `list` only for a server that lists every job it accepted, with its prompt: a job that is not listed is
   * submitted again. Its times may be up to an hour off the clock in its answers. A list without prompts, or with more than
   * 2,000 recent jobs, proves nothing, and neither does an empty list beside jobs elsewhere in the answer, or beside a count of
   * jobs: the run ends in review.
   * @defaultValue `'none'`
   */
  readonly lookup?: 'list' | 'none' | undefined
}

const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...['prompt', 'model', 'seconds', 'size', 'input_reference', 'video', 'duration', 'seed', 'user'],
  ...['aspect_ratio', 'generate_audio', 'generate_sound', 'frame_images', 'image_reference', 'reference_url'],
  ...['input_references', 'audio_reference'],
])

const { name: _name, baseUrl: _baseUrl, imageUrls: _imageUrls, ...shared } = serviceRules

const RULES: OptionRules<VideosApiGeneratorOptions> = {
  ...named,
  baseUrl: required(address('"https://api.example/v1"', 'apiKey or headers')),
  dialect: choice(...Object.keys(DIALECTS)),
  imageUrls: choice('bytes', 'url', 'data-url'),
  encoding: choice('auto', 'json', 'multipart'),
  secondsType: choice('string', 'number'),
  videoInput: choice('edits', 'extensions'),
  callbackField: rule(
    (value) => typeof value === 'string' && /^[a-z_][\w.-]{0,63}$/i.test(value) && !OWN_FIELDS.has(value),
    "give the name of the server's field, such as callback_url, that is no other field of a submission",
  ),
  lookup: choice('list', 'none'),
  ...shared,
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
  checkOptions('videosApiGenerator', given, RULES, (valid) => [...encodingProblems(valid), ...keyInHeaders(valid)])
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
    maxSockets: given.maxSockets ?? 48,
    settleMs: given.settleMs ?? Math.min(130_000, (given.createTimeoutMs ?? 120_000) + 10_000),
  } as const
}

/** The options with their defaults. */
export type CheckedVideosApiOptions = ReturnType<typeof checkVideosApiOptions>
