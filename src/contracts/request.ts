import type { JsonObject } from './json.js'

/** An image, a video or a sound as an input: an https URL, a data URL, or bytes with their media type. */
export type MediaInput = string | { readonly bytes: Uint8Array; readonly mediaType: string }

/** One shot of a storyboard. */
export interface StoryboardShot {
  /**
   * Length of the shot in seconds, above 0. Any other number is refused with `InvalidRequestError`; how long a shot may be
   * is up to the upstream.
   */
  readonly durationSeconds: number
  /** What the shot shows, 1 to 32,000 characters (code points). A longer one is refused. */
  readonly prompt: string
}

/**
 * What to generate. A generator that does not support a field reports it: with a typed error for fields that change the result
 * (an image, a remix), and with a `warning` event for others. Nothing is dropped silently.
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
  /**
   * What the video shows, 1 to 32,000 characters (code points). A longer or an empty one is refused. Lone surrogates are
   * replaced with U+FFFD.
   */
  readonly prompt: string
  /** Name of the model, as the upstream calls it. @defaultValue the model of the generator, else the server decides */
  readonly model?: string | undefined
  /**
   * Length of the video in seconds, above 0. Any other number is refused; a length that the upstream does not offer is
   * refused by the upstream.
   * @defaultValue the upstream decides
   */
  readonly durationSeconds?: number | undefined
  /**
   * Width and height in pixels as `{width}x{height}`, such as `1280x720`; each 1 to 99,999.
   * @defaultValue the upstream decides
   */
  readonly size?: string | undefined
  /**
   * Ratio of the sides as `{width}:{height}`, such as `16:9`; each 1 to 9,999. Refused if `size` has another ratio by 16 pixels or
   * more, unless `providerOptions` has one of the two.
   * @defaultValue the upstream decides
   */
  readonly aspectRatio?: string | undefined
  /**
   * First frame or reference image: an http or https address, a data URL of type `image/…`, or bytes with their media type. A
   * video starts from at most one of `image`, `video` and `remixOf`; a new request with several is refused.
   * @defaultValue none
   */
  readonly image?: MediaInput | undefined
  /**
   * Image of the last frame, in the forms of `image`. A generator without such a field refuses the request before anything is
   * sent.
   * @defaultValue none
   */
  readonly lastFrame?: MediaInput | undefined
  /**
   * Further images for the look of the video, such as a person or a product, in the forms of `image`; at least one. How many are
   * accepted is up to the upstream. A generator without such a field refuses the request before anything is sent.
   * @defaultValue none
   */
  readonly references?: readonly MediaInput[] | undefined
  /**
   * Sound that the video follows, such as speech or music: an http or https address, a data URL of type `audio/…`, or bytes with
   * their media type. A generator without such a field refuses the request before anything is sent.
   * @defaultValue none
   */
  readonly audioInput?: MediaInput | undefined
  /**
   * Video to edit or to extend: an http or https address, a data URL of type `video/…`, or bytes with their media type.
   * @defaultValue none
   */
  readonly video?: MediaInput | undefined
  /** Id of the video to remix, as the upstream gave it; a text that is not empty. @defaultValue none */
  readonly remixOf?: string | undefined
  /** The shots in order, at least one; `prompt` stays the description of the whole. @defaultValue none */
  readonly storyboard?: readonly StoryboardShot[] | undefined
  /** Name of a style of the upstream, such as `anime`. @defaultValue none */
  readonly style?: string | undefined
  /**
   * Seed of the upstream's random numbers: a whole number from 0 to 9,007,199,254,740,991. Any other number is refused. The same
   * seed requests the same video; no upstream guarantees it.
   * @defaultValue the upstream decides
   */
  readonly seed?: number | undefined
  /** Whether to generate sound. @defaultValue the upstream decides */
  readonly audio?: boolean | undefined
  /**
   * Identifier of the end user, for the upstream's abuse checks; a text that is not empty, and no secret.
   * @defaultValue none
   */
  readonly user?: string | undefined
  /** Texts by name that are kept with the run and never sent. @defaultValue none */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /**
   * JSON fields that are merged into the body of the submission last: an object into an object at every depth, so that no other field of
   * the body is lost; a list or any other value replaces that of the generator.
   * @defaultValue none
   */
  readonly providerOptions?: JsonObject | undefined
}
