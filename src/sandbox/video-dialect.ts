import type { JsonObject, JsonValue } from '../contracts/json.js'
import { isJsonObject } from './is-json-object.js'
import { type OpenAiErrorFields, openAiError } from './openai-error.js'
import { jsonReply, type Reply } from './reply.js'
import { isMultipart } from './request-body.js'
import type { ReceivedRequest } from './route.js'
import type { VideoJob } from './video-jobs.js'
import { toVideoObject } from './video-object.js'
import { isImageUrl, isPrompt, type ParsedVideoRequest, parseCreate } from './video-request.js'

/** Every {@link SandboxVideosDialect}. */
export const VIDEOS_DIALECTS = ['openai', 'openrouter', 'litellm', 'vllm-omni', 'sglang', 'new-api'] as const

/** A server of the `/v1/videos` family that the Videos API of the sandbox answers as. */
export type SandboxVideosDialect = (typeof VIDEOS_DIALECTS)[number]

/** The parts of the Videos API in which servers differ. */
export interface VideoDialect {
  readonly parse: (request: ReceivedRequest) => ParsedVideoRequest
  readonly refuse: (problem: OpenAiErrorFields) => Reply
  /** The answer about a job; `isNew` in answer to its submission. */
  readonly reply: (job: VideoJob, about: { readonly isNew: boolean; readonly host: string }) => Reply
  /** The answer to a deletion, where it is not OpenAI's. */
  readonly deleted?: (job: VideoJob) => Reply
  /** What the server lacks. */
  readonly lacks: readonly ('list' | 'delete' | 'remix' | 'pictures')[]
}

type Fields = Readonly<Record<string, JsonValue | undefined>>
type Checks = Readonly<Record<string, readonly [isRight: (value: JsonValue) => boolean, expected: string]>>

const OPENAI: VideoDialect = {
  parse: parseCreate,
  refuse: (problem) => openAiError(400, problem),
  reply: (job) => jsonReply(200, toVideoObject(job)),
  lacks: [],
}

const isText = (value: JsonValue) => typeof value === 'string' && value !== ''
const isWhole = (value: JsonValue) => /^\d{1,9}$/.test(String(value)) && typeof value !== 'boolean'
const isFlag = (value: JsonValue) => ['true', 'false'].includes(String(value))
const isRatio = (value: JsonValue) => typeof value === 'string' && /^\d{1,4}:\d{1,4}$/.test(value)
const isFile = (value: JsonValue) => isJsonObject(value) && String(value.mediaType).startsWith('image/')
const isAudioUrl = (value: JsonValue | undefined) =>
  typeof value === 'string' && /^(?:https?:\/\/|data:audio\/[\w.+-]+[;,])/i.test(value)
const isImageEntry = (entry: JsonObject) =>
  entry.type === 'image_url' && isJsonObject(entry.image_url) && isImageUrl(entry.image_url.url)
const isAudioEntry = (entry: JsonObject) =>
  entry.type === 'audio_url' && isJsonObject(entry.audio_url) && isAudioUrl(entry.audio_url.url)
const areEntries = (isEntry: (entry: JsonObject) => boolean) => (value: JsonValue) =>
  Array.isArray(value) && value.every((entry: JsonValue) => isJsonObject(entry) && isEntry(entry))
const isFrames = areEntries(
  (entry) => isImageEntry(entry) && (entry.frame_type === 'first_frame' || entry.frame_type === 'last_frame'),
)

const SEED: Checks = { seed: [isWhole, 'a whole number'] }
const FRAMES: Checks = { ...SEED, generate_audio: [isFlag, 'a boolean'], aspect_ratio: [isRatio, 'a ratio'] }

/** What each server takes and answers. Sources: its documentation and code of November 2026. */
export const VIDEO_DIALECTS: Readonly<Record<SandboxVideosDialect, VideoDialect>> = {
  openai: OPENAI,
  openrouter: {
    // JSON alone, and no field that it does not know.
    parse(request) {
      if (isMultipart(request.headers['content-type'])) return wrong('body', 'application/json')
      const { prompt, model, size, duration, user: _user, ...others } = fieldsOf(request)
      const known = {
        ...FRAMES,
        frame_images: [isFrames, 'frames with image_url'],
        input_references: [
          areEntries((entry) => isImageEntry(entry) || isAudioEntry(entry)),
          'references with image_url or audio_url',
        ],
        resolution: [isText, 'a text'],
      } as const
      const unknown = Object.keys(others).find(
        (name) => !Object.hasOwn({ ...known, provider: 0, callback_url: 0 }, name),
      )
      if (unknown !== undefined) return wrong(unknown, 'no such field')
      if (!isText(model ?? '')) return wrong('model', 'the id of a model')
      if (duration !== undefined && !Number.isInteger(duration)) return wrong('duration', 'a whole number')
      return checked(others, known) ?? parsedAs(request, { prompt, model, size, seconds: String(duration ?? 4) })
    },
    refuse: ({ message }) => jsonReply(400, { error: { code: 400, message } }),
    reply: (job, { isNew, host }) => jsonReply(isNew ? 202 : 200, routedObject(job, host)),
    lacks: ['list', 'delete', 'remix', 'pictures'],
  },
  litellm: {
    parse(request) {
      const { input_reference: reference, ...fields } = fieldsOf(request)
      if (reference !== undefined && !isFile(reference))
        return wrong('input_reference', 'a file: the object has no read')
      const { frame_images: frames, input_references: references } = fields
      if ([reference, frames, references].filter((given) => given !== undefined).length > 1)
        return wrong('input_references', 'no input_reference and frame_images beside it')
      const checks = {
        ...FRAMES,
        frame_images: [isFrames, 'frames with image_url'],
        input_references: [areEntries(isImageEntry), 'references with image_url'],
      } as const
      return checked(fields, checks) ?? parsedAs(request, fields)
    },
    refuse: (problem) => openAiError(400, problem),
    reply: (job) => jsonReply(200, toVideoObject(job)),
    lacks: ['delete'],
  },
  'vllm-omni': {
    // Forms alone: a body of JSON has no form fields.
    parse(request) {
      if (!isMultipart(request.headers['content-type']))
        return { problem: { message: 'Field required', param: 'prompt' } }
      const {
        input_reference: reference,
        image_reference: image,
        audio_reference: sound,
        ...fields
      } = fieldsOf(request)
      if (reference !== undefined && !isFile(reference)) return wrong('input_reference', 'a file')
      if (image !== undefined && reference !== undefined)
        return wrong('image_reference', 'no input_reference beside it')
      if (image !== undefined && !parsedObjects(image).every(({ image_url: url }) => isImageUrl(url)))
        return wrong('image_reference', 'image_url')
      if (sound !== undefined && !parsedObjects(sound).every(({ audio_url: url }) => isAudioUrl(url)))
        return wrong('audio_reference', 'audio_url')
      const checks = { ...SEED, generate_sound: [isFlag, 'a boolean'], aspect_ratio: [isRatio, 'a ratio'] } as const
      return checked(fields, checks) ?? parsedAs(request, fields)
    },
    refuse: ({ message, param }) =>
      jsonReply(422, { detail: [{ type: 'missing', loc: ['body', param ?? ''], msg: message }] }),
    // A failed job has the status of its error.
    reply: (job) => jsonReply(job.state().status === 'failed' ? 500 : 200, toVideoObject(job)),
    lacks: ['remix', 'pictures'],
  },
  sglang: {
    parse(request) {
      const { input_reference: reference, reference_url: url, ...fields } = fieldsOf(request)
      if (reference !== undefined && !isFile(reference)) return wrong('input_reference', 'a file; use reference_url')
      if (url !== undefined && !isImageUrl(url)) return wrong('reference_url', 'an address')
      const { seconds } = fields
      if (seconds !== undefined && !isWhole(seconds)) return wrong('seconds', 'a whole number')
      return (
        checked(fields, SEED) ??
        parsedAs(request, { ...fields, ...(seconds !== undefined && { seconds: String(seconds) }) })
      )
    },
    refuse: ({ message }) => jsonReply(400, { detail: message }),
    reply: (job) => jsonReply(200, diffusionObject(job)),
    deleted: (job) => jsonReply(200, { ...diffusionObject(job), status: 'deleted' }),
    lacks: ['remix', 'pictures'],
  },
  'new-api': {
    parse(request) {
      const { input_reference: reference, ...fields } = fieldsOf(request)
      const isRight =
        reference === undefined || (typeof reference === 'string' ? isImageUrl(reference) : isFile(reference))
      const isForm = isMultipart(request.headers['content-type'])
      if (!isRight || (!isForm && isJsonObject(reference))) {
        return {
          problem: { message: 'json: cannot unmarshal object into Go struct field .input_reference of type string' },
        }
      }
      return parsedAs(request, fields)
    },
    refuse: ({ message }) => jsonReply(400, { code: 'invalid_request', message, data: null }),
    reply: (job) => jsonReply(200, { ...toVideoObject(job), task_id: job.id }),
    lacks: ['list', 'delete', 'pictures'],
  },
}

function fieldsOf({ body }: ReceivedRequest): Fields {
  return isJsonObject(body) ? body : {}
}

// One object or a list of them, as text. Anything else becomes an empty object, whose field is then refused.
function parsedObjects(value: JsonValue): readonly JsonObject[] {
  try {
    const parsed: JsonValue = JSON.parse(String(value))
    const list: readonly JsonValue[] = Array.isArray(parsed) ? parsed : [parsed]
    return list.map((entry) => (isJsonObject(entry) ? entry : {}))
  } catch {
    return [{}]
  }
}

// The fields that all servers share, with the checks of OpenAI's.
function parsedAs(request: ReceivedRequest, fields: Fields): ParsedVideoRequest {
  if (!isPrompt(fields.prompt)) return wrong('prompt', 'a text of 1 to 32000 characters')
  const { prompt, model, seconds, size } = fields
  const shared = Object.entries({ prompt, model, seconds, size }).filter(([, value]) => value !== undefined)
  return parseCreate({ ...request, body: Object.fromEntries(shared) as JsonObject })
}

function checked(fields: Fields, checks: Checks): ParsedVideoRequest | undefined {
  for (const [name, [isRight, expected]] of Object.entries(checks)) {
    const value = fields[name]
    if (value !== undefined && !isRight(value)) return wrong(name, expected)
  }
  return undefined
}

function wrong(param: string, expected: string): ParsedVideoRequest {
  return { problem: { message: `Invalid value for '${param}': expected ${expected}`, param, code: 'invalid_value' } }
}

function diffusionObject(job: VideoJob): JsonObject {
  return { ...toVideoObject(job), seconds: Number(job.seconds), quality: 'standard' }
}

// OpenRouter's own object: the address for polls is relative, and that of the video needs the key.
function routedObject(job: VideoJob, host: string): JsonObject {
  const state = job.state()
  const status = state.status === 'queued' ? 'pending' : state.status
  return {
    id: job.id,
    polling_url: `/v1/videos/${job.id}`,
    status,
    ...(state.status === 'failed' && { error: state.error.message }),
    ...(state.status === 'completed' && {
      unsigned_urls: [`http://${host}/v1/videos/${job.id}/content?index=0`],
      usage: { cost: 0.5, is_byok: false },
    }),
  }
}
