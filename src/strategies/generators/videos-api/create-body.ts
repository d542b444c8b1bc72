import type { JsonObject } from '../../../contracts/json.js'
import type { OutgoingRequest } from '../../../upstream/outgoing-request.js'
import { dataUrlOf } from '../media-file.js'
import type { CreatePlan } from './create-plan.js'

/** The encoding of a submission. */
export type Encoding = 'json' | 'multipart'

/** The body of a planned submission in one of the two encodings. */
export function createBody(plan: CreatePlan, encoding: Encoding): Pick<OutgoingRequest, 'json' | 'form'> {
  return encoding === 'json' ? { json: jsonBody(plan) } : { form: formBody(plan) }
}

function jsonBody({ fields, image, overrides }: CreatePlan): JsonObject {
  const url = image?.kind === 'file' ? dataUrlOf(image) : image?.url
  return { ...fields, ...(url !== undefined && { input_reference: { image_url: url } }), ...overrides }
}

/**
 * Form fields are texts. An object is sent as JSON text, as vLLM-Omni reads it; the image's address as
 * `input_reference[image_url]`, as the official SDK writes it.
 */
function formBody({ fields, image, video, overrides }: CreatePlan): FormData {
  const form = new FormData()
  for (const [key, value] of Object.entries({ ...fields, ...overrides })) {
    if (value !== undefined && value !== null)
      form.set(key, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  const isReplaced = Object.hasOwn(overrides, 'input_reference')
  if (image?.kind === 'url' && !isReplaced) form.set('input_reference[image_url]', image.url)
  if (image?.kind === 'file' && !isReplaced) form.set('input_reference', blobOf(image), image.name)
  if (video !== undefined && !Object.hasOwn(overrides, 'video')) form.set('video', blobOf(video), video.name)
  return form
}

function blobOf({ bytes, mediaType }: { readonly bytes: Uint8Array; readonly mediaType: string }): Blob {
  return new Blob([new Uint8Array(bytes)], { type: mediaType })
}
