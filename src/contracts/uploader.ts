import type { Diagnosable } from './diagnosis.js'
import type { VideoSource } from './source.js'
import type { StageContext } from './stage.js'

/**
 * Copies a video to a storage service and returns the URL there.
 *
 * @example
 * ```ts
 * import type { Uploader } from 'sora-pipeline'
 *
 * const uploader: Uploader = { name: 'mock', upload: async () => ({ url: 'https://store.example/a.mp4' }) }
 * console.log(uploader.name)
 * ```
 */
export interface Uploader extends Diagnosable {
  /** Name in events and messages. */
  readonly name: string
  /** Label in progress texts, such as `Google Drive`; the name is used without one. */
  readonly label?: string | undefined
  /**
   * Whether its URLs lead to a page with the video, such as a viewer, instead of the file. `verifyUploads` then accepts a page.
   * @defaultValue false
   */
  readonly givesPageUrl?: boolean | undefined
  /** Copies the bytes of a source and returns the URL of the copy. */
  upload(source: VideoSource, context: StageContext): Promise<UploadedVideo>
}

/** Location of the copy. */
export interface UploadedVideo {
  /** The URL of the copy. */
  readonly url: string
  /** Id of the copy at the service. */
  readonly id?: string | undefined
  /** Bytes stored. */
  readonly byteLength?: number | undefined
  /** Epoch milliseconds after which the URL may stop working, for presigned URLs. */
  readonly expiresAt?: number | undefined
}
