/**
 * The location of the bytes of a video, and how to open them.
 *
 * A source that needs a key is not public: its `url` is never given to end users and its key is never sent to another origin, not
 * even on a redirect.
 *
 * @example
 * ```ts
 * import type { VideoSource } from 'sora-pipeline'
 *
 * const source: VideoSource = {
 *   isPublic: false,
 *   mediaType: 'video/mp4',
 *   open: async ({ offset = 0 } = {}) => new Blob([new Uint8Array(16)]).slice(offset).stream(),
 * }
 * console.log(source.isPublic)
 * ```
 */
export interface VideoSource {
  /** URL of the bytes, if they have one. */
  readonly url?: string | undefined
  /** Whether any client may fetch `url` without a key. */
  readonly isPublic: boolean
  /**
   * Opens the bytes from `offset` (0 by default) to the end as a stream that buffers no more than a few chunks. May be called
   * again after a connection is cut. An abort closes the connection and leaves nothing running.
   */
  open(options?: OpenOptions): Promise<ReadableStream<Uint8Array>>
  /** Such as `video/mp4`. */
  readonly mediaType?: string | undefined
  /** Length of the whole video in bytes, if known in advance; uploaders check against it. */
  readonly byteLength?: number | undefined
  /** Epoch milliseconds after which `url` or `open` may stop working. */
  readonly expiresAt?: number | undefined
}

/** A picture that some upstreams make beside a video: one frame, or many frames in rows. */
export type VideoVariant = 'thumbnail' | 'spritesheet'

/** How to open a {@link VideoSource}. */
export interface OpenOptions {
  /**
   * First byte to read, a whole number from 0. At the end of the video the stream is empty; an offset past the end gives no bytes
   * or rejects.
   * @defaultValue `0`
   */
  readonly offset?: number | undefined
  /** Aborts the transfer; the stream then errors with `signal.reason`. @defaultValue none */
  readonly signal?: AbortSignal | undefined
}
