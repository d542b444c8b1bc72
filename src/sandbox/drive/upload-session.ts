import { type ContentSink, contentSink, type StoredContent } from './content-sink.js'
import type { UploadRange } from './upload-range.js'

/** Parts before the last are multiples of this many bytes, and so is the stored portion of a part that was cut. */
export const PART_UNIT_BYTES = 262_144

/** One resumable upload. */
export interface UploadSession {
  /** The number of stored bytes. */
  storedBytes(): number
  /** The length of the whole file, if it was announced. */
  totalBytes(): number | undefined
  /** The reason why a part does not fit, in a sentence; `undefined` if it fits. */
  objection(range: UploadRange): string | undefined
  /**
   * Stores a part without objection. Bytes that are already stored are skipped; of a part that is cut, or not the
   * last, only whole units are stored. A later part ends one that is still being received.
   *
   * @throws the error that ends the chunks; the bytes before it are stored.
   */
  append(part: UploadRange & { readonly kind: 'part' }, chunks: AsyncIterable<Uint8Array>): Promise<PartOutcome>
  /** Notes the length of the whole file. */
  settleTotal(total: number | undefined): void
  /** The content, once all of it is stored. */
  finish(): StoredContent
}

/** `stored` for a whole part, `cut` for one that ended early, `too-long` for one with more bytes than its range. */
export type PartOutcome = 'stored' | 'cut' | 'too-long'

/** @param options.declaredBytes - From `X-Upload-Content-Length`. */
export function uploadSession(options: {
  readonly declaredBytes: number | undefined
  readonly keepBytes: number
}): UploadSession {
  const sink: ContentSink = contentSink(options.keepBytes)
  let total: number | undefined
  let turn = 0
  const settleTotal = (announced: number | undefined) => {
    total ??= announced
    sink.expect(total ?? 0)
  }
  settleTotal(options.declaredBytes)

  return {
    storedBytes: () => sink.byteLength,
    totalBytes: () => total,
    settleTotal,
    objection(range) {
      if (range.total !== undefined && total !== undefined && range.total !== total) {
        return `The total of ${range.total} bytes is not the ${total} that were announced.`
      }
      if (range.kind === 'query') return undefined
      const { start, end } = range
      if (total !== undefined && end > total) return `The part ends after the ${total} bytes that were announced.`
      if (start > sink.byteLength) {
        return `According to the Content-Range header, the upload offset is ${start} byte(s), which exceeds already uploaded size of ${sink.byteLength} byte(s).`
      }
      const isLast = end === (range.total ?? total)
      if (isLast || (end - start) % PART_UNIT_BYTES === 0) return undefined
      return `A part that is not the last has to be a multiple of ${PART_UNIT_BYTES} bytes: this one has ${end - start}.`
    },
    async append({ start, end, total: announced }, chunks) {
      settleTotal(announced)
      turn += 1
      const own = turn
      const unit = new Uint8Array(PART_UNIT_BYTES)
      let filled = 0
      let at = start
      const flush = () => {
        sink.write(unit.subarray(0, filled))
        filled = 0
      }
      for await (const chunk of chunks) {
        if (own !== turn) return 'cut'
        if (at + chunk.length > end) return 'too-long'
        let rest = chunk.subarray(Math.max(0, sink.byteLength + filled - at))
        at += chunk.length
        while (rest.length > 0) {
          const taken = rest.subarray(0, PART_UNIT_BYTES - filled)
          unit.set(taken, filled)
          filled += taken.length
          rest = rest.subarray(taken.length)
          if (filled === PART_UNIT_BYTES) flush()
        }
      }
      if (at < end || own !== turn) return 'cut'
      if (end === total) flush()
      return 'stored'
    },
    finish: () => sink.finish(),
  }
}
