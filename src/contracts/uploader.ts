import type { VideoSource } from './source.js'
import type { StageContext } from './stage.js'

/**
 * Copies a video to a store and gives back the URL there.
 *
 * @example
 * ```ts
 * import type { Uploader } from 'sora-pipeline'
 *
 * const uploader: Uploader = { name: 'mock', upload: async () => ({ url: 'https://store.example/a.mp4' }) }
 * console.log(uploader.name)
 * ```
 */
export interface Uploader {
  /** Name in events and messages. */
  readonly name: string
  /** For people, in progress texts, such as `Google Drive`; the name serves without one. */
  readonly label?: string | undefined
  /**
   * Whether its URLs are those of pages with the video, such as a viewer, rather than of the file: `verifyUploads` then takes a page.
   * @defaultValue false
   */
  readonly givesPageUrl?: boolean | undefined
  /** Copies the bytes of a source and gives the URL of the copy. */
  upload(source: VideoSource, context: StageContext): Promise<UploadedVideo>
}

/** Where the copy is. */
export interface UploadedVideo {
  /** The URL of the copy. */
  readonly url: string
  /** The store's own id of the copy. */
  readonly id?: string | undefined
  /** Bytes that were stored. */
  readonly byteLength?: number | undefined
  /** Epoch milliseconds after which the URL may stop working, for presigned ones. */
  readonly expiresAt?: number | undefined
}
