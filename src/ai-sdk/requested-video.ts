import { describeValue } from '../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../contracts/input-errors.js'
import type { MediaInput, VideoRequest } from '../contracts/request.js'
import { createSha256 } from '../contracts/sha256.js'
import type {
  PipelineVideoModelCall,
  PipelineVideoModelFile,
  PipelineVideoModelWarning,
} from './pipeline-video-model.js'

/** A call of the AI SDK as a request, with what could not be part of it. */
export interface RequestedVideo {
  readonly request: VideoRequest
  readonly warnings: PipelineVideoModelWarning[]
}

/** The name of the pipeline's own options and facts. */
export const PROVIDER = 'sora-pipeline'

/**
 * Reads a call of the AI SDK.
 * @throws InvalidRequestError when it has no prompt, two first or last frames, or inputs that a request has no field for.
 */
export function requestedVideo(call: PipelineVideoModelCall): RequestedVideo {
  const problems: InputProblem[] = []
  const warnings: PipelineVideoModelWarning[] = []
  const unsupported = (feature: string, details: string) => warnings.push({ type: 'unsupported', feature, details })
  if (call.prompt === undefined) problems.push({ field: 'prompt', value: 'nothing', fix: 'give a prompt' })
  if (call.fps !== undefined) unsupported('fps', 'A request has no frame rate.')
  if (call.n > 1) unsupported('n', 'One run makes one video.')
  if (call.webhookUrl !== undefined) unsupported('webhookUrl', 'A run is polled.')
  const isAdaptive = call.aspectRatio === 'adaptive'
  if (isAdaptive) unsupported('aspectRatio', 'It is left to the generator.')
  const { [PROVIDER]: own, ...others } = call.providerOptions
  for (const name of Object.keys(others)) {
    const details = `Give it as providerOptions['${PROVIDER}'].providerOptions.${name}, if the generator is of this provider.`
    unsupported(`providerOptions.${name}`, details)
  }
  const further = typeof own === 'object' && own !== null ? (own as Partial<VideoRequest>) : {}
  const fields = {
    aspectRatio: isAdaptive ? undefined : call.aspectRatio,
    size: call.resolution,
    durationSeconds: call.duration,
    seed: call.seed,
    audio: call.generateAudio,
    ...framesOf(call, problems),
    ...referencesOf(call, problems),
  }
  if (problems.length > 0) throw new InvalidRequestError(problems)
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return { request: { ...further, ...Object.fromEntries(given), prompt: call.prompt ?? '' }, warnings }
}

function framesOf(
  { image, frameImages = [] }: PipelineVideoModelCall,
  problems: InputProblem[],
): Pick<VideoRequest, 'image' | 'lastFrame'> {
  const frames = (type: string) => frameImages.filter(({ frameType }) => frameType === type).map((frame) => frame.image)
  // Callers give the first frame in both places, because some models read only one.
  const firsts = distinct([...(image === undefined ? [] : [image]), ...frames('first_frame')])
  const lasts = distinct(frames('last_frame'))
  const refuse = (value: string, fix: string) => problems.push({ field: 'frameImages', value, fix })
  if (firsts.length > 1) refuse(`${firsts.length} first frames`, 'give one, as image or as first_frame')
  if (lasts.length > 1) refuse(`${lasts.length} last frames`, 'give one')
  const other = frameImages.find(({ frameType }) => frameType !== 'first_frame' && frameType !== 'last_frame')
  if (other !== undefined) refuse(describeValue(other.frameType), 'give first_frame or last_frame')
  return { image: firsts[0], lastFrame: lasts[0] }
}

function distinct(files: readonly PipelineVideoModelFile[]): readonly MediaInput[] {
  const known = new Map(files.map(mediaOf).map((media) => [keyOf(media), media]))
  return [...known.values()]
}

function keyOf(media: MediaInput): string {
  return typeof media === 'string' ? media : createSha256().update(media.bytes).digest('hex')
}

type References = Pick<VideoRequest, 'references' | 'video' | 'audioInput'>

function referencesOf({ inputReferences = [] }: PipelineVideoModelCall, problems: InputProblem[]): References {
  const of = (kind: string) => inputReferences.filter((file) => kindOf(file) === kind).map(mediaOf)
  const [images, videos, sounds] = [of('image'), of('video'), of('audio')]
  for (const [kind, { length }] of [['video', videos] as const, ['audio', sounds] as const]) {
    if (length < 2) continue
    problems.push({
      field: 'inputReferences',
      value: describeValue(length),
      fix: `give one reference of type ${kind}/…`,
    })
  }
  return { references: images.length > 0 ? images : undefined, video: videos[0], audioInput: sounds[0] }
}

// An address without a type is an image: the AI SDK requires the type of everything else.
function kindOf({ mediaType = 'image/*' }: PipelineVideoModelFile): string {
  return mediaType.split('/', 1)[0] ?? 'image'
}

function mediaOf(file: PipelineVideoModelFile): MediaInput {
  if (file.type === 'url') return file.url
  const { data, mediaType } = file
  return { mediaType, bytes: typeof data === 'string' ? new Uint8Array(Buffer.from(data, 'base64')) : data }
}
