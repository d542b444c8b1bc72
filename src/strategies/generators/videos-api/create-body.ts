import type { JsonObject } from '../../../contracts/json.js'
import type { OutgoingRequest } from '../../../upstream/outgoing-request.js'
import { dataUrlOf } from '../media-file.js'
import { mergedFields } from '../merged-fields.js'
import type { CreatePlan } from './create-plan.js'
import type { Encoding } from './dialect.js'

/** The body of a planned submission in one of the two encodings. */
export function createBody(plan: CreatePlan, encoding: Encoding): Pick<OutgoingRequest, 'json' | 'form'> {
  return encoding === 'json' ? { json: jsonBody(plan) } : { form: formBody(plan) }
}

function jsonBody({ fields, image, overrides, dialect }: CreatePlan): JsonObject {
  const url = image?.kind === 'file' ? dataUrlOf(image) : image?.url
  return mergedFields({ ...fields, ...(url !== undefined && dialect.imageInJson?.(url)) }, overrides)
}

/**
 * Form fields are texts. An object is sent as JSON text, as vLLM-Omni reads it; the image's address in
 * the field of the dialect.
 */
function formBody({ fields, image, video, overrides, dialect }: CreatePlan): FormData {
  const form = new FormData()
  for (const [key, value] of Object.entries(mergedFields(fields, overrides))) {
    if (value !== undefined && value !== null)
      form.set(key, typeof value === 'object' ? JSON.stringify(value) : String(value))
  }
  const isReplaced = Object.hasOwn(overrides, 'input_reference')
  const [name, text] = (image?.kind === 'url' && dialect.imageInForm?.(image.url)) || []
  if (name !== undefined && text !== undefined && !isReplaced && !form.has(name)) form.set(name, text)
  if (image?.kind === 'file' && !isReplaced) form.set('input_reference', blobOf(image), image.name)
  if (video !== undefined && !Object.hasOwn(overrides, 'video')) form.set('video', blobOf(video), video.name)
  return form
}

function blobOf({ bytes, mediaType }: { readonly bytes: Uint8Array; readonly mediaType: string }): Blob {
  return new Blob([new Uint8Array(bytes)], { type: mediaType })
}
