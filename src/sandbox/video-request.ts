import type { JsonObject, JsonValue } from '../contracts/json.js'
import { isJsonObject } from './is-json-object.js'
import type { OpenAiErrorFields } from './openai-error.js'
import { isMultipart } from './request-body.js'
import type { ReceivedRequest } from './route.js'
import type { VideoJob, VideoJobRequest } from './video-jobs.js'

/** A parsed request, or its problem. */
export type ParsedVideoRequest = { readonly request: VideoJobRequest } | { readonly problem: OpenAiErrorFields }

/** Reads the body of `POST /v1/videos`, JSON or a form. Unknown fields are ignored. */
export function parseCreate({ body, headers }: ReceivedRequest): ParsedVideoRequest {
  const fields = toFields(body)
  if (fields === undefined) return NO_OBJECT
  const { prompt, model = 'sora-2', seconds = '4', size = '640x360' } = fields
  if (!isPrompt(prompt)) return wrong('prompt', 'a text of 1 to 32000 characters')
  if (typeof model !== 'string' || model === '') return wrong('model', 'the name of a model')
  if (!isSeconds(seconds)) return wrong('seconds', "a text from '1' to '20'")
  if (!isSize(size))
    return wrong('size', '{width}x{height} of even numbers from 64x64 to 1920x1080, in either direction')
  if (!isReference(fields, { isForm: isMultipart(headers['content-type']) })) {
    return wrong('input_reference', 'an image: a file, or an object with image_url')
  }
  return { request: { prompt, model, seconds, size } }
}

/** Reads the body of `POST /v1/videos/{id}/remix`. */
export function parseRemix({ body }: ReceivedRequest, { id, model, seconds, size }: VideoJob): ParsedVideoRequest {
  const fields = toFields(body)
  if (fields === undefined) return NO_OBJECT
  if (!isPrompt(fields.prompt)) return wrong('prompt', 'a text of 1 to 32000 characters')
  return { request: { prompt: fields.prompt, model, seconds, size, remixedFrom: id } }
}

const NO_OBJECT: ParsedVideoRequest = {
  problem: { message: 'Invalid body: expected a JSON object or a multipart form', code: 'invalid_body' },
}

function wrong(param: string, expected: string): ParsedVideoRequest {
  return { problem: { message: `Invalid value for '${param}': expected ${expected}`, param, code: 'invalid_value' } }
}

function toFields(body: JsonValue | undefined): JsonObject | undefined {
  return isJsonObject(body) ? body : undefined
}

/** Whether a value is a prompt that the API takes. */
export function isPrompt(value: JsonValue | undefined): value is string {
  if (typeof value !== 'string' || value === '') return false
  return Array.from(value).length <= 32_000
}

function isSeconds(value: JsonValue): value is string {
  return typeof value === 'string' && /^\d{1,2}$/.test(value) && Number(value) >= 1 && Number(value) <= 20
}

function isSize(value: JsonValue): value is string {
  if (typeof value !== 'string' || !/^[1-9]\d{1,3}x[1-9]\d{1,3}$/.test(value)) return false
  const sides = value.split('x').map(Number)
  const isEven = sides.every((side) => side % 2 === 0)
  return isEven && Math.min(...sides) >= 64 && Math.min(...sides) <= 1080 && Math.max(...sides) <= 1920
}

// A form has no objects: the official client writes `input_reference[image_url]` for the field of an object.
function isReference(fields: JsonObject, { isForm }: { readonly isForm: boolean }): boolean {
  const address = fields['input_reference[image_url]']
  if (isForm && address !== undefined) return isImageUrl(address)
  const reference = fields.input_reference
  if (reference === undefined || reference === null) return true
  if (!isJsonObject(reference)) return false
  if (!isForm) return isImageUrl(reference.image_url)
  const { mediaType, byteLength } = reference
  return typeof mediaType === 'string' && mediaType.startsWith('image/') && byteLength !== 0
}

/** Whether a value is the address of an image, or a data URL of one. */
export function isImageUrl(value: JsonValue | undefined): boolean {
  if (typeof value !== 'string') return false
  return /^data:image\/[\w.+-]+[;,]/i.test(value) || (/^https?:/i.test(value) && URL.canParse(value))
}
