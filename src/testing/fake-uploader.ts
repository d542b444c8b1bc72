import { checkOptions } from '../contracts/check-options.js'
import type { VideoSource } from '../contracts/source.js'
import type { UploadedVideo, Uploader } from '../contracts/uploader.js'
import { FAKE_RULES, type FakeCall, type FakeOptions, playCall } from './fake-call.js'

/** Options of {@link fakeUploader}. */
export interface FakeUploaderOptions extends FakeOptions<VideoSource, UploadedVideo> {}

/** An uploader that records its calls. */
export interface FakeUploader extends Uploader {
  /** Its calls, in order. */
  readonly calls: readonly FakeCall<VideoSource>[]
}

/**
 * Creates an uploader that stores nothing and does not open the source. By default it is labelled `Google Drive` and
 * returns `{ url: 'https://drive.google.com/file/d/xxx/view' }`.
 *
 * @example
 * ```ts
 * import { NetworkError } from 'sora-pipeline'
 * import { fakeUploader } from 'sora-pipeline/testing'
 *
 * const broken = fakeUploader({ name: 'broken', outcome: new NetworkError('Could not upload: connection refused') })
 * const hanging = fakeUploader({ hangs: true, progress: [{ ratio: 0.5 }] })
 * console.log(broken.name, hanging.label)
 * ```
 */
export function fakeUploader(options: FakeUploaderOptions = {}): FakeUploader {
  checkOptions<FakeUploaderOptions>('fakeUploader', options, FAKE_RULES)
  const calls: FakeCall<VideoSource>[] = []
  return {
    name: options.name ?? 'fake-uploader',
    label: options.label ?? 'Google Drive',
    upload: (source, context) =>
      playCall(options, { url: 'https://drive.google.com/file/d/xxx/view' }, calls, source, context),
    calls,
  }
}
