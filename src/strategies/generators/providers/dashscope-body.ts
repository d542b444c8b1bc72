import { wanSizeOf } from '../frame-ratio.js'
import { mergedFields } from '../merged-fields.js'
import type { TaskApiVideoRequest } from '../task-api/task-api-options.js'
import { refusedFields, refuseMixedMedia } from './media-content.js'
import { frameOf } from './video-frame.js'

// Models up to Wan 2.6 take a size in pixels and the image as `img_url`.
const FORMER_MODEL = /^wan(?:x|2\.[0-6])/
const HEARING_MODEL = /^wan2\.[56]/

/**
 * The body of a submission, in the fields of its model.
 * @throws InvalidRequestError for media that the model does not take.
 */
export function dashscopeBody(request: TaskApiVideoRequest): object {
  const { prompt, model = '', durationSeconds: duration, seed, providerOptions } = request
  const isFormer = FORMER_MODEL.test(model)
  const frame = isFormer ? formerFrame(request) : tierOf(request)
  const media = isFormer ? formerMedia(request) : mediaOf(request)
  return { model, input: { prompt, ...media }, parameters: mergedFields({ ...frame, duration, seed }, providerOptions) }
}

function tierOf(request: TaskApiVideoRequest): object {
  const { resolution, ratio } = frameOf(request)
  return { resolution: resolution?.toUpperCase(), ratio }
}

function formerFrame(request: TaskApiVideoRequest): object {
  const { model = '', providerOptions = {} } = request
  // The video has the ratio of its image: both fields count as not sent, because they are not read by their names.
  if (model.includes('-i2v')) return { resolution: frameOf({ ...request }).resolution?.toUpperCase() }
  const { size, aspectRatio } = request
  const asked = size ?? (aspectRatio && wanSizeOf(model, aspectRatio))
  if (aspectRatio !== undefined && asked === undefined && !Object.hasOwn(providerOptions, 'size'))
    throw refusedFields(request, ['aspectRatio'], `give a size instead: ${model} has none of this ratio`)
  return { size: asked?.replace('x', '*') }
}

function formerMedia(request: TaskApiVideoRequest): object {
  const { model = '', image, lastFrame, references, audioInput } = request
  const missing = [
    ...(lastFrame === undefined ? [] : (['lastFrame'] as const)),
    ...(references === undefined ? [] : (['references'] as const)),
    ...(audioInput === undefined || HEARING_MODEL.test(model) ? [] : (['audioInput'] as const)),
  ]
  if (missing.length > 0) throw refusedFields(request, missing, `leave it out, or choose a later model than ${model}`)
  return { img_url: image, audio_url: soundUrl(request) }
}

function mediaOf(request: TaskApiVideoRequest): object {
  const { model = '', image, lastFrame, references } = request
  const sound = soundUrl(request)
  const isWan27 = model.startsWith('wan2.7')
  // Of these models, one for texts takes a sound beside the list, one for images in it, and one for references takes none.
  if (isWan27 && sound !== undefined && model.includes('-r2v'))
    throw refusedFields(request, ['audioInput'], `leave it out, or choose another model than ${model}`)
  const isBeside = isWan27 && sound !== undefined && !model.includes('-i2v')
  refuseMixedMedia(isWan27 ? { image, lastFrame, references } : request)
  const media = [
    { type: 'first_frame', url: image },
    { type: 'last_frame', url: lastFrame },
    ...(references ?? []).map((url) => ({ type: 'reference_image', url })),
    { type: isWan27 ? 'driving_audio' : 'reference_audio', url: isBeside ? undefined : sound },
  ].filter(({ url }) => url !== undefined)
  return { ...(media.length > 0 && { media }), ...(isBeside && { audio_url: sound }) }
}

function soundUrl(request: TaskApiVideoRequest): string | undefined {
  const { audioInput } = request
  if (audioInput?.startsWith('data:') !== true) return audioInput
  throw refusedFields(request, ['audioInput'], 'give an https address: DashScope downloads the sound')
}
