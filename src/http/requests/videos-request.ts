import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import { isRecord } from '../../upstream/is-record.js'
import { mediaTypeOf } from '../../upstream/media-type.js'
import { FRAME_FIELDS, LIST_FIELDS, readFrames } from './frame-fields.js'
import { isFile, isGiven } from './image-file.js'
import { readReference } from './input-reference.js'
import { FORMATS, readMedia } from './media-field.js'
import { readModelName } from './model-name.js'
import { ignoredNames, type OtherFields, otherFieldsOf } from './other-fields.js'
import type { RequestBody } from './read-body.js'
import {
  readAddress,
  readAspectRatio,
  readFlag,
  readLine,
  readPromptField,
  readSeconds,
  readSeed,
  readSize,
} from './request-fields.js'
import { type RequestProblems, requestProblems } from './request-problems.js'

/** The fields of a request that were not read. */
export interface UnreadFields {
  /** Unknown fields. */
  readonly otherFields: OtherFields
  /** Their names and those of unknown nested fields, safe for a header. */
  readonly ignored: readonly string[]
}

/** A parsed request of the Videos API. */
export interface VideosRequest extends UnreadFields {
  readonly request: VideoRequest
  /** The client's name for the model, for the answer. */
  readonly model?: string
  /** The address for a webhook at the end. */
  readonly webhookUrl?: string
}

/** How a request of the Videos API is read. Errors of a mapping are rethrown. */
export interface VideosReading {
  /** Reads fields from the model name. @defaultValue {@link readModelName} */
  readonly readModel?: ((model: string) => Partial<VideoRequest>) | undefined
}

const CREATE_FIELDS = new Set([
  ...'prompt model seconds size input_reference seed style aspect_ratio audio user webhook_url'.split(' '),
  ...FRAME_FIELDS,
])
const FORM_FIELDS = new Set([...CREATE_FIELDS, 'input_reference[image_url]', 'input_reference[file_id]'])

/**
 * Reads the body of `POST /v1/videos`, the same fields in JSON and in a form: `prompt`, `model`, `seconds` (text or
 * number), `size`, `input_reference` (a file, an address or data URL, or `{ image_url }`, in a form
 * `input_reference[image_url]`), and as extensions `seed`, `style`, `aspect_ratio`, `audio`, `user`, `webhook_url` and the
 * fields for further images that {@link readFrames} reads. The prompt is used unchanged, without markers. A field takes precedence over the name of the model.
 * Unknown fields are not an error, as in a chat request.
 *
 * @throws InvalidRequestError naming every problem.
 */
export function readVideosRequest(body: RequestBody, { readModel = readModelName }: VideosReading = {}): VideosRequest {
  const problems = requestProblems()
  const { fields, otherFields } = fieldsOf(problems, body, body.kind === 'form' ? FORM_FIELDS : CREATE_FIELDS)
  const ignored = Object.keys(otherFields)
  const prompt = readPromptField(problems, 'prompt', fields.get('prompt')) ?? ''
  const model = readLine(problems, 'model', fields.get('model'))
  const given: Omit<VideoRequest, 'prompt'> = {
    durationSeconds: readSeconds(problems, 'seconds', fields.get('seconds')),
    size: readSize(problems, 'size', fields.get('size')),
    aspectRatio: readAspectRatio(problems, 'aspect_ratio', fields.get('aspect_ratio')),
    style: readLine(problems, 'style', fields.get('style')),
    seed: readSeed(problems, 'seed', fields.get('seed')),
    audio: readFlag(problems, 'audio', fields.get('audio')),
    user: readLine(problems, 'user', fields.get('user')),
  }
  const reference: MediaInput | undefined = readReference(problems, fields, ignored)
  const frames = readFrames(problems, fields, { image: reference, ignored })
  const webhookUrl = readAddress(problems, 'webhook_url', fields.get('webhook_url'))
  problems.throwIfAny()

  const { size, ...named } = model === undefined ? {} : readModel(model)
  // An explicit ratio replaces the ratio of the name.
  const frame = given.aspectRatio === undefined ? { size } : {}
  return {
    request: { prompt, ...defined({ ...named, ...frame }), ...defined(given), ...frames },
    ...(model !== undefined && { model }),
    ...(webhookUrl !== undefined && { webhookUrl }),
    otherFields,
    ignored: ignoredNames(ignored),
  }
}

/**
 * Reads the body of `POST /v1/videos/{id}/remix`: only a prompt.
 * @throws InvalidRequestError naming every problem.
 */
export function readRemixRequest(body: RequestBody): UnreadFields & { readonly prompt: string } {
  const problems = requestProblems()
  const { fields, otherFields } = fieldsOf(problems, body, new Set(['prompt']))
  const prompt = readPromptField(problems, 'prompt', fields.get('prompt')) ?? ''
  problems.throwIfAny()
  return { prompt, otherFields, ignored: ignoredNames(Object.keys(otherFields)) }
}

/** A request for a video from another one: a file, or the id of a video of the caller. */
export interface EditRequest extends UnreadFields {
  readonly prompt: string
  /** Of an extension only. */
  readonly seconds?: number | undefined
  readonly video: { readonly bytes: Uint8Array; readonly mediaType: string } | { readonly id: string } | string
}

/**
 * Reads the body of `POST /v1/videos/edits` and `/v1/videos/extensions`: `prompt`, for an extension `seconds`, and `video`, which is
 * a file, an address, a data URL, or the id of a video as `{ id }`, in a form `video[id]`.
 * @throws InvalidRequestError naming every problem.
 */
export function readEditRequest(body: RequestBody, kind: 'edits' | 'extensions'): EditRequest {
  const problems = requestProblems()
  const known = ['prompt', 'video', 'video[id]', ...(kind === 'extensions' ? ['seconds'] : [])]
  const { fields, otherFields } = fieldsOf(problems, body, new Set(known))
  const prompt = readPromptField(problems, 'prompt', fields.get('prompt')) ?? ''
  const seconds = readSeconds(problems, 'seconds', fields.get('seconds'))
  const video = readSourceVideo(problems, fields)
  problems.throwIfAny()
  return { prompt, seconds, video: video ?? '', otherFields, ignored: ignoredNames(Object.keys(otherFields)) }
}

function readSourceVideo(
  problems: RequestProblems,
  fields: ReadonlyMap<string, unknown>,
): EditRequest['video'] | undefined {
  const given = fields.get('video')
  const id = fields.get('video[id]') ?? (isRecord(given) ? given.id : undefined)
  if (typeof id === 'string' && id !== '') return { id }
  if (!isFile(given)) {
    if (isGiven(given) && !isRecord(given)) return readMedia(problems, 'video', given, 'video')
    return problems.add('video', given, 'give the file of a video, or the id of one as { id }')
  }
  const mediaType = mediaTypeOf(given.bytes) ?? given.mediaType
  if (given.bytes.byteLength > 0 && /^video\/[a-z0-9.+-]+$/.test(mediaType)) return { bytes: given.bytes, mediaType }
  return problems.note({ field: 'video', value: 'another file', fix: `give the file of ${FORMATS.video}` })
}

function fieldsOf(
  problems: RequestProblems,
  body: RequestBody,
  known: ReadonlySet<string>,
): { readonly fields: ReadonlyMap<string, unknown>; readonly otherFields: OtherFields } {
  const fields = new Map<string, unknown>()
  if (body.kind === 'json' && !isRecord(body.value))
    problems.add('body', body.value, 'give a JSON object with a prompt')
  const entries =
    body.kind === 'form'
      ? body.parts.map(({ name, value }) => [name, value] as const)
      : Object.entries(isRecord(body.value) ? body.value : {})
  for (const [written, value] of entries) {
    const name = listNameOf(written)
    if (!known.has(name)) continue
    if (body.kind === 'form' && LIST_FIELDS.has(name)) fields.set(name, [fields.get(name) ?? [], value].flat())
    else if (fields.has(name)) problems.add(name, value, 'give it once')
    else fields.set(name, value)
  }
  return {
    fields,
    otherFields: otherFieldsOf(entries, new Set([...known, ...[...LIST_FIELDS].map((name) => `${name}[]`)])),
  }
}

// `reference_images[]` of a form is an entry of the list.
function listNameOf(name: string): string {
  const list = name.replace(/\[\]$/, '')
  return LIST_FIELDS.has(list) ? list : name
}

function defined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
