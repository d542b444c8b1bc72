import { type ContentSink, contentSink, type StoredContent } from './content-sink.js'
import type { UploadRange } from './upload-range.js'

/** Parts that are not the last are multiples of this many bytes, and so is what is kept of one that was cut. */
export const PART_UNIT_BYTES = 262_144

/** One resumable upload. */
export interface UploadSession {
  /** How many bytes are stored. */
  storedBytes(): number
  /** How long the file will be, when it was told. */
  totalBytes(): number | undefined
  /** Why a part does not fit here, in a sentence; `undefined` for one that does. */
  objection(range: UploadRange): string | undefined
  /**
   * Stores a part without objection. Bytes that are stored already are left out; of a part that is cut, or not the last, only
   * whole units are stored. A part that comes later ends one that is still coming.
   *
   * @throws whatever ends the chunks; what came before is stored all the same.
   */
  append(part: UploadRange & { readonly kind: 'part' }, chunks: AsyncIterable<Uint8Array>): Promise<PartOutcome>
  /** Notes the length of the whole file. */
  settleTotal(total: number | undefined): void
  /** The content, once all of it is stored. */
  finish(): StoredContent
}

/** `stored` as far as it goes, `cut` for one that ended early, `too-long` for one with more bytes than its range. */
export type PartOutcome = 'stored' | 'cut' | 'too-long'

/** @param options.declaredBytes - From `X-Upload-Content-Length`. */
export function uploadSession(options: {
  readonly declaredBytes: number | undefined
  readonly keepBytes: number
}): UploadSession {
  const sink: ContentSink = contentSink(options.keepBytes)
  let total: number | undefined
  let turn = 0
  const settleTotal = (told: number | undefined) => {
    total ??= told
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
    async append({ start, end, total: told }, chunks) {
      settleTotal(told)
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
