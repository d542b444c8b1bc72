/**
 * Where the bytes of a video are and how to open them.
 *
 * A source that needs a key is not public: its `url` is never handed to end users and its key never travels to another
 * origin, not even on a redirect.
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
  /** The address of the bytes, when they have one. */
  readonly url?: string | undefined
  /** Whether anybody may fetch `url` as it stands, without a key. */
  readonly isPublic: boolean
  /**
   * Opens the bytes from `offset` (0 by default) to the end as a stream that buffers no more than a few chunks. May be called
   * again after a cut. An abort closes the connection and leaves nothing running.
   */
  open(options?: OpenOptions): Promise<ReadableStream<Uint8Array>>
  /** Such as `video/mp4`. */
  readonly mediaType?: string | undefined
  /** Length of the whole video in bytes, when it is known beforehand; uploaders check against it. */
  readonly byteLength?: number | undefined
  /** Epoch milliseconds after which `url` or `open` may stop working. */
  readonly expiresAt?: number | undefined
}

/** How to open a {@link VideoSource}. */
export interface OpenOptions {
  /**
   * First byte wanted, a whole number from 0. At the end of the video the stream is empty; an offset past the end gives no
   * bytes or rejects.
   * @defaultValue `0`
   */
  readonly offset?: number | undefined
  /** Ends the transfer; the stream then errors with `signal.reason`. @defaultValue none */
  readonly signal?: AbortSignal | undefined
}
