import type { JsonObject } from '../../../contracts/json.js'

/** A server of the `/v1/videos` family, for the names of the fields that it takes. */
export type VideosApiDialect = 'openai' | 'openrouter' | 'litellm' | 'vllm-omni' | 'sglang' | 'new-api'

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
  /** What a video may begin with beside a prompt. */
  readonly bases: readonly ('video' | 'remixOf')[]
  /** The fields of an image as an address or a data URL; absent for an encoding that has none. */
  readonly imageInJson?: (url: string) => JsonObject
  readonly imageInForm?: (url: string) => readonly [name: string, text: string]
}

const ALL = ['video', 'remixOf'] as const
const SECONDS = { field: 'seconds', type: 'string' } as const

function frameImages(url: string): JsonObject {
  return { frame_images: [{ type: 'image_url', image_url: { url }, frame_type: 'first_frame' }] }
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
    imageInJson: frameImages,
  },
  litellm: {
    encoding: 'auto',
    imageUrls: 'bytes',
    duration: SECONDS,
    names: { seed: 'seed', audio: 'generate_audio', aspectRatio: 'aspect_ratio', user: 'user' },
    bases: ALL,
    imageInJson: frameImages,
  },
  'vllm-omni': {
    encoding: 'multipart',
    imageUrls: 'bytes',
    duration: SECONDS,
    names: { seed: 'seed', audio: 'generate_sound', aspectRatio: 'aspect_ratio' },
    bases: [],
    imageInForm: (url) => ['image_reference', JSON.stringify({ image_url: url })],
  },
  sglang: {
    encoding: 'auto',
    imageUrls: 'url',
    duration: { field: 'seconds', type: 'number' },
    names: { seed: 'seed' },
    bases: [],
    imageInJson: (url) => ({ reference_url: url }),
    imageInForm: (url) => ['reference_url', url],
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
