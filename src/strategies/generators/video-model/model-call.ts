import { describeValue } from '../../../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../../../contracts/input-errors.js'
import { jsonCopy } from '../../../contracts/is-json.js'
import type { MediaInput, VideoRequest } from '../../../contracts/request.js'
import { frameConflict } from '../../../contracts/request-conflicts.js'
import type { StageContext } from '../../../contracts/stage.js'
import { isRecord } from '../../../upstream/is-record.js'
import { checkJsonFields } from '../json-fields.js'
import { readMediaFile } from '../media-file.js'
import { mergedFields } from '../merged-fields.js'
import type { RequestField as Field } from '../unsupported-field.js'
import { modelFrame } from './model-frame.js'
import { gapsOf, providerKeyOf } from './model-gaps.js'
import type { VideoModelCall, VideoModelFile, VideoModelLike, VideoModelProviderOptions } from './video-model-like.js'
import type { CheckedVideoModelOptions } from './video-model-options.js'

// The interface of the AI SDK has no field for them.
const CHANGES_RESULT: readonly Field[] = ['video', 'remixOf', 'storyboard', 'style', 'audioInput']
const IMAGES: readonly Field[] = ['image', 'lastFrame', 'references']

/** What a model is called with for a request, without the signal and the headers. */
export type PlannedCall = Omit<VideoModelCall, 'abortSignal' | 'headers'>

/**
 * Plans the call of a model.
 * @throws InvalidRequestError naming every field that would change the result and that the model would not receive. Fields with
 * little effect give a warning. A field counts as honoured when the options of a provider have a key of that name.
 */
export function planModelCall(
  model: VideoModelLike,
  request: VideoRequest,
  { name, providerOptions }: Pick<CheckedVideoModelOptions, 'name' | 'providerOptions'>,
  context: StageContext,
): PlannedCall {
  checkJsonFields(request)
  const frame = frameConflict(request)
  const problems: InputProblem[] = frame === undefined ? [] : [frame]
  const merged = mergedOptions(providerOptions, request.providerOptions ?? {}, problems)
  const key = providerKeyOf(model.provider)
  const isOption = (field: Field) => Object.values(merged).some((options) => Object.hasOwn(options, field))
  const isLeft = (field: Field) => request[field] !== undefined && !isOption(field)
  const gaps = gapsOf(model, request, merged).filter(({ field }) => isLeft(field))
  const refuse = (field: Field, fix: string) => problems.push({ field, value: shown(request[field]), fix })
  const warn = (field: Field, why: string) =>
    context.warn?.({ code: 'unsupported-option', message: `${name} does not send ${field}: ${why}` })

  const otherwise = `or give its own field in providerOptions.${key}`
  for (const field of CHANGES_RESULT) {
    if (isLeft(field)) refuse(field, `leave it out: ${model.provider} does not take it; ${otherwise}`)
  }
  const lost = gaps.filter(({ field }) => IMAGES.includes(field))
  for (const { field, reason, fix } of lost) refuse(field, fix ?? `leave it out: ${reason}; ${otherwise}`)
  const isLost = lost.some(({ field }) => field === 'references')
  if (isLeft('references') && isLeft('lastFrame') && !isLost) {
    refuse('references', 'leave it out: lastFrame is given, and a model reads frames or references')
  }
  const files = problems.length === 0 ? filesOf(request, isLeft) : undefined
  if (files === undefined) throw new InvalidRequestError(problems)

  if (request.model !== undefined && ![model.modelId, `${key}/${model.modelId}`].includes(request.model))
    warn('model', `it always uses ${model.modelId}`)
  if (isLeft('user')) warn('user', 'a model has no such field')
  for (const { field, reason } of gaps) if (!IMAGES.includes(field)) warn(field, reason)
  return {
    prompt: request.prompt,
    n: 1,
    ...modelFrame(model, request),
    duration: request.durationSeconds,
    fps: undefined,
    seed: request.seed,
    generateAudio: request.audio,
    ...files,
    providerOptions: merged,
  }
}

type Files = Pick<VideoModelCall, 'image' | 'frameImages' | 'inputReferences'>

// The first frame is also in `image`, because some models read only that.
function filesOf(request: VideoRequest, isLeft: (field: Field) => boolean): Files {
  const image = request.image === undefined || !isLeft('image') ? undefined : fileOf(request.image, 'image')
  const last =
    request.lastFrame === undefined || !isLeft('lastFrame') ? undefined : fileOf(request.lastFrame, 'lastFrame')
  const references = isLeft('references')
    ? request.references?.map((reference, index) => fileOf(reference, `references[${index}]`))
    : undefined
  const first = image && { image, frameType: 'first_frame' as const }
  return {
    image,
    frameImages: last && [...(first ? [first] : []), { image: last, frameType: 'last_frame' as const }],
    inputReferences: references,
  }
}

function fileOf(media: MediaInput, field: string): VideoModelFile {
  const file = readMediaFile(media, 'image', field)
  return file.kind === 'url'
    ? { type: 'url', url: file.url }
    : { type: 'file', mediaType: file.mediaType, data: new Uint8Array(file.bytes) }
}

function mergedOptions(
  own: NonNullable<CheckedVideoModelOptions['providerOptions']>,
  given: NonNullable<VideoRequest['providerOptions']>,
  problems: InputProblem[],
): Record<string, VideoModelProviderOptions> {
  // A copy: a model may keep or change what it receives.
  const merged = jsonCopy(own) as Record<string, VideoModelProviderOptions>
  for (const [provider, options] of Object.entries(given)) {
    if (options === undefined) continue
    if (isRecord(options))
      merged[provider] = mergedFields(merged[provider] ?? {}, jsonCopy(options)) as VideoModelProviderOptions
    else {
      const fix = 'put it into an object by the name of the provider, such as { fal: { loop: true } }'
      problems.push({ field: `providerOptions.${provider}`, value: describeValue(options), fix })
    }
  }
  return merged
}

function shown(value: VideoRequest[Field]): string {
  return describeValue(typeof value === 'string' && value.startsWith('data:') ? 'data:…' : value)
}
