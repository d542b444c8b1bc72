import type { JsonObject } from '../../../contracts/json.js'

/** A server of the `/v1/videos` family, for the names of the fields that it takes. */
export type VideosApiDialect = 'openai' | 'openrouter' | 'litellm' | 'vllm-omni' | 'sglang' | 'new-api'

/** The encoding of a submission. */
export type Encoding = 'json' | 'multipart'

/** Media of a request, each an address or a data URL. */
export interface MediaTexts {
  readonly image?: string
  readonly lastFrame?: string
  readonly references: readonly string[]
  readonly audioInput?: string
}

/** How a server takes a last frame, references and a sound. */
export interface FurtherMedia {
  readonly takes: readonly ('lastFrame' | 'references' | 'audioInput')[]
  /** The only encoding in which the server reads these fields. */
  readonly encoding: Encoding
  /** Whether a sound may come with a first or last frame. Frames and references exclude each other everywhere. */
  readonly soundWithFrames: boolean
  /** Whether a last frame alone would be read as the first. */
  readonly needsFirstFrame: boolean
  /** Whether models without hearing ignore a sound in silence. */
  readonly readsSoundSometimes: boolean
  /** All of the media in the fields of the server, the first frame included. */
  readonly fieldsOf: (media: MediaTexts) => JsonObject
}

/** The form in which a server takes a submission. */
export interface Dialect {
  readonly encoding: 'auto' | 'json' | 'multipart'
  /** Whether an image at an address is fetched, or left to the server. */
  readonly imageUrls: 'bytes' | 'url'
  readonly duration: { readonly field: 'seconds' | 'duration'; readonly type: 'string' | 'number' }
  /** The names of fields that OpenAI's API lacks. Without a name a ratio is sent as a size, and any other field is not sent. */
  readonly names: {
    readonly seed?: string
    readonly audio?: string
    readonly aspectRatio?: string
    readonly user?: string
  }
  /** Whether the server continues a job that is deleted. */
  readonly continuesDeleted?: true
  /** What a video may begin with beside a prompt. */
  readonly bases: readonly ('video' | 'remixOf')[]
  /** The fields of an image as an address or a data URL; absent for an encoding that has none. */
  readonly imageInJson?: (url: string) => JsonObject
  readonly imageInForm?: (url: string) => readonly [name: string, text: string]
  /** Whether the server certainly reads that field of a form, so that an address may change its encoding. */
  readonly readsAddressInForm?: true
  /** Absent for a server that reads one image and no sound. */
  readonly further?: FurtherMedia
}

const ALL = ['video', 'remixOf'] as const
const SECONDS = { field: 'seconds', type: 'string' } as const

const imageEntry = (url: string) => ({ type: 'image_url', image_url: { url } })

function frameImages({ image, lastFrame }: Pick<MediaTexts, 'image' | 'lastFrame'>): JsonObject {
  const first = image === undefined ? [] : [{ ...imageEntry(image), frame_type: 'first_frame' }]
  const last = lastFrame === undefined ? [] : [{ ...imageEntry(lastFrame), frame_type: 'last_frame' }]
  return first.length + last.length === 0 ? {} : { frame_images: [...first, ...last] }
}

function framesAndReferences({ references, audioInput: sound, ...frames }: MediaTexts): JsonObject {
  const sounds = sound === undefined ? [] : [{ type: 'audio_url', audio_url: { url: sound } }]
  const entries = [...references.map(imageEntry), ...sounds]
  return { ...frameImages(frames), ...(entries.length > 0 && { input_references: entries }) }
}

// MiniMax H3 reads two images as the first and the last frame, and any number as references.
function orderedReferences({ image, lastFrame, references, audioInput }: MediaTexts): JsonObject {
  const images = [image, lastFrame, ...references].filter((url) => url !== undefined)
  return {
    ...(images.length > 0 && { image_reference: images.map((url) => ({ image_url: url })) }),
    ...(audioInput !== undefined && { audio_reference: { audio_url: audioInput } }),
  }
}

/** The dialects by the server that has them. Sources and versions: the documentation and code of each of November 2026. */
export const DIALECTS: Readonly<Record<VideosApiDialect, Dialect>> = {
  openai: {
    encoding: 'auto',
    imageUrls: 'bytes',
    duration: SECONDS,
    names: {},
    bases: ALL,
    imageInJson: (url) => ({ input_reference: { image_url: url } }),
    // As the official SDK writes it; a server may ignore it, so it is sent only where a form was chosen.
    imageInForm: (url) => ['input_reference[image_url]', url],
  },
  openrouter: {
    encoding: 'json',
    imageUrls: 'url',
    duration: { field: 'duration', type: 'number' },
    names: { seed: 'seed', audio: 'generate_audio', aspectRatio: 'aspect_ratio' },
    bases: [],
    imageInJson: (image) => frameImages({ image }),
    further: {
      takes: ['lastFrame', 'references', 'audioInput'],
      encoding: 'json',
      // With frames, the server ignores every reference.
      soundWithFrames: false,
      needsFirstFrame: false,
      readsSoundSometimes: false,
      fieldsOf: framesAndReferences,
    },
  },
  litellm: {
    encoding: 'auto',
    imageUrls: 'bytes',
    duration: SECONDS,
    names: { seed: 'seed', audio: 'generate_audio', aspectRatio: 'aspect_ratio', user: 'user' },
    bases: ALL,
    imageInJson: (image) => frameImages({ image }),
    further: {
      takes: ['lastFrame', 'references'],
      encoding: 'json',
      soundWithFrames: false,
      needsFirstFrame: false,
      readsSoundSometimes: false,
      fieldsOf: framesAndReferences,
    },
  },
  'vllm-omni': {
    encoding: 'multipart',
    imageUrls: 'bytes',
    duration: SECONDS,
    names: { seed: 'seed', audio: 'generate_sound', aspectRatio: 'aspect_ratio' },
    bases: [],
    imageInForm: (url) => ['image_reference', JSON.stringify({ image_url: url })],
    further: {
      takes: ['lastFrame', 'references', 'audioInput'],
      encoding: 'multipart',
      soundWithFrames: true,
      needsFirstFrame: true,
      readsSoundSometimes: true,
      fieldsOf: orderedReferences,
    },
  },
  sglang: {
    encoding: 'auto',
    imageUrls: 'url',
    duration: { field: 'seconds', type: 'number' },
    names: { seed: 'seed' },
    continuesDeleted: true,
    bases: [],
    imageInJson: (url) => ({ reference_url: url }),
    imageInForm: (url) => ['reference_url', url],
    readsAddressInForm: true,
  },
  'new-api': {
    encoding: 'auto',
    imageUrls: 'bytes',
    duration: SECONDS,
    names: {},
    bases: ['remixOf'],
    imageInJson: (url) => ({ input_reference: url }),
    imageInForm: (url) => ['input_reference', url],
  },
}
