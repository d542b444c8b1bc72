import assert from 'node:assert/strict'
import { choice, rule } from '../../contracts/option-rules.js'
import type { UploadedVideo } from '../../contracts/uploader.js'
import { fakeSource } from '../fake-source.js'
import { isAbsoluteUrl } from './absolute-url.js'
import { type ConformanceCase, checkStrategySuite } from './conformance-suite.js'
import { registerStrategyCases } from './strategy-cases.js'
import { uploadFailureCases } from './upload-failure-cases.js'
import { uploadStorageCases } from './upload-storage-cases.js'
import type { UploaderConformanceOptions, UploaderSubject } from './uploader-subject.js'

const DEFAULT_SIZES = [1, 65_536, 1_000_003]
const SOME_SIZES = rule(
  (value) => Array.isArray(value) && value.every((bytes) => Number.isSafeInteger(bytes) && bytes > 0),
  'give a list of whole bytes above 0',
)
const PUBLIC_URL = 'https://videos.openai.com/az/files/00000000-82cc-7285-bf93-f29e2b5d9ab8/raw'

/**
 * Tests an uploader against its contract: name, shape of the result, unchanged bytes, sources that end early, late,
 * break or hang, simultaneous uploads, nothing overwritten, progress, aborts, and typed errors without secrets. Pass
 * the `test` of your runner.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { fakeUploader, uploaderConformance } from 'sora-pipeline/testing'
 *
 * uploaderConformance({ test, takes: 'url', create: () => ({ uploader: fakeUploader() }) })
 * ```
 */
export function uploaderConformance(options: UploaderConformanceOptions): void {
  checkStrategySuite('uploaderConformance', options, { takes: choice('bytes', 'url'), sizes: SOME_SIZES })
  const byteCases = [...uploadStorageCases(options.sizes ?? DEFAULT_SIZES), ...uploadFailureCases]
  registerStrategyCases<UploaderSubject>(
    options,
    {
      verb: 'upload',
      strategyOf: ({ uploader }) => uploader,
      call({ uploader, sourceUrl = PUBLIC_URL }, context) {
        return uploader.upload(fakeSource({ byteLength: 200_000, isPublic: true, url: sourceUrl }), context)
      },
      checkResult(result, trial) {
        const { url, byteLength, expiresAt } = result as UploadedVideo
        isAbsoluteUrl(url, 'url')
        if (byteLength !== undefined) assert.equal(byteLength, 200_000, 'byteLength must be that of the source')
        if (expiresAt !== undefined) assert.ok(Number.isFinite(expiresAt), `expiresAt must be an instant: ${expiresAt}`)
        trial.isClean(result, 'an uploaded video')
      },
    },
    [NOTHING_OPENED, ...(options.takes === 'url' ? [] : byteCases)],
  )
}

const NOTHING_OPENED: ConformanceCase<UploaderSubject> = {
  name: 'an abort before the call does not open the source',
  async check({ uploader, sourceUrl = PUBLIC_URL }, trial) {
    const source = fakeSource({ isPublic: true, url: sourceUrl })
    const controller = new AbortController()
    controller.abort()
    const context = trial.context({ signal: controller.signal })
    await trial.rejectsWithReason(uploader.upload(source, context), controller, 'upload')
    assert.equal(source.opens.length, 0, 'upload must not open its source when its signal is already aborted')
  },
}
