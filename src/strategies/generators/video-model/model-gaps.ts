import type { VideoRequest } from '../../../contracts/request.js'
import type { RequestField } from '../unsupported-field.js'
import type { VideoModelLike, VideoModelProviderOptions } from './video-model-like.js'

/** A field of a request that the package of a provider does not send, in silence or with a warning after the job was paid. */
export interface ModelGap {
  readonly field: RequestField
  /** Such as `fal.video ignores it`. */
  readonly reason: string
  /** What to do instead. */
  readonly fix?: string | undefined
}

interface Asked {
  readonly provider: string
  readonly modelId: string
  readonly request: VideoRequest
  /** The options of the provider. */
  readonly options: VideoModelProviderOptions
}

const MOST_REFERENCES = 9
const XAI_MODES: readonly unknown[] = ['edit-video', 'extend-video']

// According to the source of @ai-sdk/fal 3.0.41, replicate 3.0.46, google 4.0.121, xai 5.0.12, minimax 3.0.45, alibaba 2.0.58,
// black-forest-labs 2.0.41, bytedance 1.0.29 and @openrouter/ai-sdk-provider 3.1.0. The AI Gateway reports what it ignores.
const GAPS: Readonly<Record<string, (asked: Asked) => readonly ModelGap[]>> = {
  fal: (asked) => [...ignored(asked, 'size', 'audio', 'lastFrame', 'references'), ...zeroSeed(asked)],
  replicate: (asked) => [...ignored(asked, 'audio', 'lastFrame', 'references'), ...zeroSeed(asked)],
  openrouter: (asked) => ignored(asked, 'audio', 'lastFrame', 'references'),
  bytedance: zeroSeed,
  google: (asked) => [
    ...ignored(asked, 'audio'),
    ...(['image', 'lastFrame', 'references'] as const)
      .filter((field) => [asked.request[field]].flat().some(isAddress))
      .map((field) => {
        const reason = `the package of ${asked.provider} drops an address`
        return { field, reason, fix: `give its bytes: ${reason}` }
      }),
  ],
  xai: (asked) => {
    const { mode, videoUrl } = asked.options
    const isMade = !XAI_MODES.includes(mode) && (mode !== undefined || videoUrl === undefined)
    if (!isMade) return ignored(asked, 'lastFrame', 'references')
    return asked.modelId === 'grok-imagine-video-1.5' ? [] : ignored(asked, 'lastFrame')
  },
  minimax: (asked) => {
    const { image, references = [] } = asked.request
    const lastFrame = lastFrameAlone(asked)
    if (asked.modelId === 'MiniMax-H3-Max') return [...lastFrame, ...ignored(asked, 'references')]
    const isFew = references.length <= MOST_REFERENCES
    if (image === undefined && isFew) return lastFrame
    const reason = isFew ? 'an image is given, beside which it drops them' : `it drops those after ${MOST_REFERENCES}`
    return [...lastFrame, { field: 'references', reason: `${reason}, the package of ${asked.provider}` }]
  },
  blackForestLabs: (asked) => {
    const { keyframes } = asked.options
    const frames = keyframes === undefined ? lastFrameAlone(asked) : ignored(asked, 'image', 'lastFrame')
    return [...frames, ...ignored(asked, 'references')]
  },
  alibaba: (asked) => {
    const { modelId, request } = asked
    const { media } = asked.options
    if (modelId.startsWith('wan3')) return media === undefined ? [] : ignored(asked, 'image', 'lastFrame', 'references')
    if (modelId.includes('-i2v')) return ignored(asked, 'lastFrame', 'references')
    if (!modelId.includes('-r2v')) return ignored(asked, 'image', 'lastFrame', 'references')
    const isOfBytes = request.references?.some((reference) => !isAddress(reference)) === true
    const isLost = modelId.startsWith('wan2.7') ? media !== undefined : isOfBytes
    return [...ignored(asked, 'image', 'lastFrame'), ...(isLost ? ignored(asked, 'references') : [])]
  },
}

/** The name of the options of a provider: `fal` for `fal.video`, `blackForestLabs` for `black-forest-labs.video`. */
export function providerKeyOf(provider: string): string {
  const [name = provider] = provider.split('.', 1)
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** The fields of a request that the package of a provider drops; none for other providers, which report what they ignore. */
export function gapsOf(
  { provider, modelId }: Pick<VideoModelLike, 'provider' | 'modelId'>,
  request: VideoRequest,
  options: Readonly<Record<string, VideoModelProviderOptions>>,
): readonly ModelGap[] {
  const key = providerKeyOf(provider)
  const gaps = GAPS[key]?.({ provider, modelId, request, options: options[key] ?? {} }) ?? []
  return gaps.filter(({ field }) => request[field] !== undefined)
}

function ignored({ provider, modelId }: Asked, ...fields: readonly RequestField[]): readonly ModelGap[] {
  return fields.map((field) => ({ field, reason: `the package of ${provider} does not send it to ${modelId}` }))
}

function zeroSeed({ provider, request }: Asked): readonly ModelGap[] {
  return request.seed === 0
    ? [{ field: 'seed', reason: `the package of ${provider} drops 0; give another number` }]
    : []
}

function lastFrameAlone({ provider, request }: Asked): readonly ModelGap[] {
  if (request.image !== undefined) return []
  const reason = `the package of ${provider} sends it only with a first frame`
  return [{ field: 'lastFrame', reason, fix: `give an image as well: ${reason}` }]
}

function isAddress(media: unknown): boolean {
  return typeof media === 'string' && /^https?:/i.test(media)
}
