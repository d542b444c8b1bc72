import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import { isRecord } from '../../upstream/is-record.js'
import { mediaTypeOf } from '../../upstream/media-type.js'
import { FRAME_FIELDS, LIST_FIELDS, readFrames } from './frame-fields.js'
import { isFile, isGiven } from './image-file.js'
import { readReference } from './input-reference.js'
import { fixOf, type MeaningfulField, synonymOf } from './meaningful-fields.js'
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
  /** Those without which the video would be another one, if they are not refused yet. */
  readonly meaningful?: readonly MeaningfulField[]
}

/** A parsed request of the Videos API. */
export interface VideosRequest extends UnreadFields {
  readonly request: VideoRequest
  /** The client's name for the model, for the answer. */
  readonly model?: string
  /** The address for a webhook at the end. */
  readonly webhookUrl?: string
}

/** How fields of other names are read. */
export interface FieldReading {
  /** Whether the caller reads `otherFields`: then they contain synonyms, and nothing in them is refused. @defaultValue `false` */
  readonly keepsOthers?: boolean | undefined
}

/** How a request of the Videos API is read. Errors of a mapping are rethrown. */
export interface VideosReading extends FieldReading {
  /** Reads fields from the model name. @defaultValue {@link readModelName} */
  readonly readModel?: ((model: string) => Partial<VideoRequest>) | undefined
}

const CREATE_FIELDS = new Set([
  ...'prompt model seconds size input_reference seed style aspect_ratio audio user webhook_url'.split(' '),
  ...FRAME_FIELDS,
])
// A mapping of the caller may read another name of these, or leave it.
const PLAIN_FIELDS = new Set(['seconds', 'size', 'audio'])
const FORM_FIELDS = new Set([...CREATE_FIELDS, 'input_reference[image_url]', 'input_reference[file_id]'])

/**
 * Reads the body of `POST /v1/videos`, the same fields in JSON and in a form: `prompt`, `model`, `seconds` (text or
 * number), `size`, `input_reference` (a file, an address or data URL, or `{ image_url }`, in a form
 * `input_reference[image_url]`), and as extensions `seed`, `style`, `aspect_ratio`, `audio`, `user`, `webhook_url` and the
 * fields for further images that {@link readFrames} reads. The prompt is used unchanged, without markers. A field takes precedence over the name of the model.
 * Known names of other APIs are read as the field that they mean, such as `duration` as `seconds`. Another unknown field is refused if
 * it means media or a count, and otherwise not an error, as in a chat request.
 *
 * @throws InvalidRequestError naming every problem.
 */
export function readVideosRequest(body: RequestBody, reading: VideosReading = {}): VideosRequest {
  const { readModel = readModelName } = reading
  const problems = requestProblems()
  const known = body.kind === 'form' ? FORM_FIELDS : CREATE_FIELDS
  const { fields, otherFields, ...further } = fieldsOf(problems, body, { known, ...reading })
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
    ...further,
  }
}

/**
 * Reads the body of `POST /v1/videos/{id}/remix`: only a prompt.
 * @throws InvalidRequestError naming every problem.
 */
export function readRemixRequest(
  body: RequestBody,
  reading: FieldReading = {},
): UnreadFields & { readonly prompt: string } {
  const problems = requestProblems()
  const { fields, otherFields, ...further } = fieldsOf(problems, body, { known: new Set(['prompt']), ...reading })
  const prompt = readPromptField(problems, 'prompt', fields.get('prompt')) ?? ''
  problems.throwIfAny()
  return { prompt, otherFields, ignored: ignoredNames(Object.keys(otherFields)), ...further }
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
export function readEditRequest(
  body: RequestBody,
  kind: 'edits' | 'extensions',
  reading: FieldReading = {},
): EditRequest {
  const problems = requestProblems()
  const known = new Set(['prompt', 'video', 'video[id]', ...(kind === 'extensions' ? ['seconds'] : [])])
  const { fields, otherFields, ...further } = fieldsOf(problems, body, { known, ...reading })
  const prompt = readPromptField(problems, 'prompt', fields.get('prompt')) ?? ''
  const seconds = readSeconds(problems, 'seconds', fields.get('seconds'))
  const video = readSourceVideo(problems, fields)
  problems.throwIfAny()
  const ignored = ignoredNames(Object.keys(otherFields))
  return { prompt, seconds, video: video ?? '', otherFields, ignored, ...further }
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
  { known, keepsOthers = false }: FieldReading & { readonly known: ReadonlySet<string> },
): Pick<UnreadFields, 'otherFields' | 'meaningful'> & { readonly fields: ReadonlyMap<string, unknown> } {
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
  const read = new Set([...known, ...[...LIST_FIELDS].filter((name) => known.has(name)).map((name) => `${name}[]`)])
  const meaningful: MeaningfulField[] = []
  for (const [name, value] of entries.filter(([written]) => !read.has(written))) {
    const [field = '', meant] = keepsOthers ? [] : (synonymOf(name, value) ?? [])
    const fix = fixOf(name, value)
    if (known.has(field) && isGiven(fields.get(field)) && !isSame(fields.get(field), meant)) {
      problems.add(name, value, `leave it out: ${field} is given`)
    } else if (known.has(field)) {
      fields.set(field, meant)
      read.add(name)
    } else if (fix !== undefined && !PLAIN_FIELDS.has(field)) meaningful.push({ name, value, fix })
  }
  if (!keepsOthers) for (const { name, value, fix } of meaningful) problems.add(name, value, fix)
  const isKept = keepsOthers && meaningful.length > 0
  return { fields, otherFields: otherFieldsOf(entries, read), ...(isKept && { meaningful }) }
}

// Files and objects are not compared: one of them would be lost.
function isSame(one: unknown, other: unknown): boolean {
  return typeof one !== 'object' && typeof other !== 'object' && String(one) === String(other)
}

// `reference_images[]` of a form is an entry of the list.
function listNameOf(name: string): string {
  const list = name.replace(/\[\]$/, '')
  return LIST_FIELDS.has(list) ? list : name
}

function defined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
