import { checkOptions, type OptionRules, optionProblem, throwProblems } from '../contracts/check-options.js'
import { text } from '../contracts/option-rules.js'
import type { VideoSource } from '../contracts/source.js'
import { streamOf } from './chunks.js'
import { mediaTypeOf } from './media-type.js'

const CHUNK_BYTES = 65_536

/** Options of {@link memoryVideo}. */
export interface MemoryVideoOptions {
  /** Media type of the bytes, such as `video/webm`. @defaultValue read from the first bytes, else `video/mp4` */
  readonly mediaType?: string | undefined
}

const RULES: OptionRules<MemoryVideoOptions> = { mediaType: text("give a media type, such as 'video/webm'") }

/**
 * Creates the source of a video that came inside an answer, as base64 or bytes. It has no address, so it is not
 * public. It lives as long as this process: after a restart the generator is polled for it again. The bytes are not
 * copied; do not change them.
 *
 * @throws ConfigurationError for anything other than bytes.
 *
 * @example
 * ```ts
 * import type { OneShotGenerator } from 'sora-pipeline'
 * import { memoryVideo } from 'sora-pipeline/strategies'
 *
 * const generator: OneShotGenerator = {
 *   name: 'mine',
 *   generate: async () => ({ id: 'video_1', source: memoryVideo(Buffer.from('AAAAGGZ0eXA=', 'base64')) }),
 * }
 * console.log(generator.name)
 * ```
 */
export function memoryVideo(bytes: Uint8Array, options: MemoryVideoOptions = {}): VideoSource {
  if (!ArrayBuffer.isView(bytes)) {
    const fix = "give a Uint8Array, such as Buffer.from(text, 'base64')"
    throwProblems('memoryVideo', [optionProblem('bytes', bytes, fix)])
  }
  checkOptions('memoryVideo', options, RULES)
  return {
    isPublic: false,
    mediaType: options.mediaType ?? mediaTypeOf(bytes) ?? 'video/mp4',
    byteLength: bytes.byteLength,
    async open({ offset = 0, signal } = {}) {
      signal?.throwIfAborted()
      let position = offset
      return streamOf({
        async next() {
          signal?.throwIfAborted()
          const chunk = bytes.subarray(position, position + CHUNK_BYTES)
          position += chunk.byteLength
          // A copy, which the slice of a Buffer is not: a reader that transfers a chunk must not take the video with it.
          return chunk.byteLength > 0 ? new Uint8Array(chunk) : undefined
        },
        cancel: () => undefined,
      })
    },
  }
}
