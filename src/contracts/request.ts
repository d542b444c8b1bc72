import type { JsonObject } from './json.js'

/** An image or a video given as an input: an https URL, a data URL, or bytes with their media type. */
export type MediaInput = string | { readonly bytes: Uint8Array; readonly mediaType: string }

/** One shot of a storyboard. */
export interface StoryboardShot {
  /** Length of the shot in seconds, above 0. */
  readonly durationSeconds: number
  readonly prompt: string
}

/**
 * What to generate. A generator that cannot honour a field says so: with a typed error for what changes the result (an
 * image, a remix), with a `warning` event for what does not. Nothing is dropped in silence.
 *
 * @example
 * ```ts
 * import type { VideoRequest } from 'sora-pipeline'
 *
 * const request: VideoRequest = { prompt: 'A cat playing piano', durationSeconds: 8, size: '1280x720' }
 * console.log(request.prompt)
 * ```
 */
export interface VideoRequest {
  /** 1 to 32,000 characters (code points). */
  readonly prompt: string
  /** The upstream's name of the model; each generator has its own default. */
  readonly model?: string | undefined
  /** Above 0. What a generator accepts is its own matter. */
  readonly durationSeconds?: number | undefined
  /** `{width}x{height}` in pixels, such as `1280x720`. */
  readonly size?: string | undefined
  /** `{width}:{height}`, such as `16:9`. */
  readonly aspectRatio?: string | undefined
  /** First frame or reference image. */
  readonly image?: MediaInput | undefined
  /** Video to extend or to edit. */
  readonly video?: MediaInput | undefined
  /** Upstream id of the video to remix. */
  readonly remixOf?: string | undefined
  /** The shots in order; `prompt` stays the description of the whole. */
  readonly storyboard?: readonly StoryboardShot[] | undefined
  /** Name of an upstream style. */
  readonly style?: string | undefined
  /** Whole number from 0; the same seed asks for the same video. */
  readonly seed?: number | undefined
  /** Whether to generate sound. */
  readonly audio?: boolean | undefined
  /** Identifier of the end user, for the upstream's abuse checks. */
  readonly user?: string | undefined
  /** Travels with the run and is not sent anywhere by the library itself. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Merged into the upstream's create body as it is. */
  readonly providerOptions?: JsonObject | undefined
}
