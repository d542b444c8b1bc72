import type { VideoRequest } from '../../contracts/request.js'
import { isRecord } from '../../upstream/is-record.js'
import type { HandlerOptions } from '../handler-options.js'
import { type ChatMessage, readLastMessage } from './chat-message.js'
import { type MediaKind, readMediaOrBase64 } from './media-field.js'
import { readModelName } from './model-name.js'
import { ignoredNames, type OtherFields, otherFieldsOf } from './other-fields.js'
import { readPromptMarkers } from './prompt-markers.js'
import { readAspectRatio, readFlag, readLine, readSeconds, readSeed, readSize } from './request-fields.js'
import { type RequestProblems, requestProblems } from './request-problems.js'

/** A chat completion request, read as a request for a video. */
export interface ChatRequest {
  readonly request: VideoRequest
  /** The client's name for the model, for the answer; `sora-1.0` if it named none. */
  readonly model: string
  readonly stream: boolean
  /** Whether the stream ends with a chunk that contains the usage. */
  readonly includeUsage: boolean
  /** Path of the message whose several images are `references`, or whose sound is `audioInput` of the request. */
  readonly mediaField?: string
  /** Fields that were given but have no meaning for a video, such as `temperature`. */
  readonly otherFields: OtherFields
  /** Their names, fit for a header. */
  readonly ignored: readonly string[]
}

/** How the texts of a chat request are read. Errors of a mapping are rethrown. */
export type ChatReading = Pick<HandlerOptions, 'readModel' | 'readPrompt'>

const DEFAULT_MODEL = 'sora-1.0'
const READ_FIELDS = new Set(
  'model messages stream stream_options n image video remix_target_id style style_id seconds size aspect_ratio seed user'.split(
    ' ',
  ),
)

/**
 * Reads the body of `POST /v1/chat/completions`. The last message of the user is the prompt, with images (one is the
 * first frame, several are references), at most one video and one sound; the extension fields of the sora2api family
 * are `image` and `video` (base64, a data URL or an address), `remix_target_id`, `style` or `style_id`, `seconds`, `size`, `aspect_ratio`, `seed` and `user`. A field
 * takes precedence over the name of the model. If a field and the prompt contradict each other, the request is
 * refused.
 *
 * @throws InvalidRequestError naming every problem by OpenAI's path of the field.
 */
export function readChatRequest(
  value: unknown,
  { readModel = readModelName, readPrompt = readPromptMarkers }: ChatReading = {},
): ChatRequest {
  const problems = requestProblems()
  if (!isRecord(value)) problems.add('body', value, 'give a JSON object with model and messages')
  const body = isRecord(value) ? value : {}
  const message = readLastMessage(problems, body.messages)
  const model = readLine(problems, 'model', body.model) ?? DEFAULT_MODEL
  const fields = readExtensions(problems, body)
  const { references, audio } = message
  const media = {
    ...readInput(problems, body, message, 'image'),
    ...readInput(problems, body, message, 'video'),
    ...(references !== undefined && { references }),
    ...(audio !== undefined && { audioInput: audio }),
  }
  const stream = readFlag(problems, 'stream', body.stream) ?? false
  const includeUsage = readIncludeUsage(problems, body.stream_options)
  if (body.n !== undefined && body.n !== null && body.n !== 1)
    problems.add('n', body.n, 'give 1: one request makes one video')
  problems.throwIfAny()

  const said = readPrompt(message.text ?? '')
  checkAgreement(problems, message, body, said)
  checkShots(problems, message, said)
  problems.throwIfAny()
  const { size, ...named } = readModel(model)
  // An explicit ratio replaces the ratio of the name.
  const frame = size === undefined || fields.aspectRatio !== undefined ? {} : { size }
  const request = { ...named, ...frame, ...media, ...said, ...fields }
  const otherFields = otherFieldsOf(Object.entries(body), READ_FIELDS)
  const ignored = ignoredNames(Object.keys(otherFields))
  const isNamed = references !== undefined || audio !== undefined
  return { request, model, stream, includeUsage, ...(isNamed && { mediaField: message.field }), otherFields, ignored }
}

type Extensions = Omit<VideoRequest, 'prompt'>

function readExtensions(problems: RequestProblems, body: Readonly<Record<string, unknown>>): Extensions {
  const style = readLine(problems, 'style', body.style)
  const styleId = readLine(problems, 'style_id', body.style_id)
  if (style !== undefined && styleId !== undefined && style !== styleId) {
    problems.add('style_id', styleId, 'leave it out: style is given')
  }
  const fields: Extensions = {
    durationSeconds: readSeconds(problems, 'seconds', body.seconds),
    size: readSize(problems, 'size', body.size),
    aspectRatio: readAspectRatio(problems, 'aspect_ratio', body.aspect_ratio),
    remixOf: readLine(problems, 'remix_target_id', body.remix_target_id),
    style: style ?? styleId,
    seed: readSeed(problems, 'seed', body.seed),
    user: readLine(problems, 'user', body.user),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, field]) => field !== undefined))
}

function readInput(
  problems: RequestProblems,
  body: Readonly<Record<string, unknown>>,
  message: ChatMessage,
  kind: Exclude<MediaKind, 'audio'>,
): { readonly image?: string; readonly video?: string } {
  const field = readMediaOrBase64(problems, kind, body[kind], kind)
  const part = message[kind]
  const { references } = message
  if (kind === 'image' && field !== undefined && references !== undefined) {
    if (references.includes(field)) return {}
    problems.add(kind, field, `leave it out, or add it to the ${references.length} images of the message`)
  }
  if (field !== undefined && part !== undefined && field !== part) {
    problems.add(kind, field, `leave it out: one ${kind} is accepted, and the message has it`)
  }
  const input = part ?? field
  return input === undefined ? {} : { [kind]: input }
}

function readIncludeUsage(problems: RequestProblems, options: unknown): boolean {
  if (options === undefined || options === null) return false
  if (!isRecord(options)) {
    problems.add('stream_options', options, 'give an object')
    return false
  }
  return readFlag(problems, 'stream_options.include_usage', options.include_usage) ?? false
}

/** Notes the fields that contradict the markers of the prompt. */
function checkAgreement(
  problems: RequestProblems,
  { field }: ChatMessage,
  body: Readonly<Record<string, unknown>>,
  said: Partial<VideoRequest>,
): void {
  for (const path of ['remix_target_id', 'style', 'style_id']) {
    const given = body[path]
    const read = path === 'remix_target_id' ? said.remixOf : said.style
    if (typeof given !== 'string' || given === '' || read === undefined) continue
    if (given.toLowerCase() !== read.toLowerCase()) {
      problems.add(path, given, `leave it out, or remove ${read} from ${field}`)
    }
  }
}

function checkShots(
  problems: RequestProblems,
  { field }: ChatMessage,
  { storyboard = [] }: Partial<VideoRequest>,
): void {
  storyboard.forEach(({ durationSeconds, prompt }, index) => {
    if (!(durationSeconds > 0)) {
      problems.note({ field, value: `a shot of ${durationSeconds} s`, fix: `give shot ${index + 1} seconds above 0` })
    }
    if (prompt === '') {
      problems.note({ field, value: 'a shot without text', fix: `write what shot ${index + 1} shows after its marker` })
    }
  })
}
