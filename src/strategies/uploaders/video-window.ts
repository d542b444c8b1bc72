import { createHash } from 'node:crypto'
import type { Clock } from '../../contracts/clock.js'
import type { VideoSource } from '../../contracts/source.js'
import { readVideo } from './read-video.js'

/** A part of a video in memory. */
export interface VideoPart {
  /** Offset of its first byte in the video. */
  readonly offset: number
  /** Valid until the next part is requested. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Whether it is the end of the video; the source was then read to its end and has its announced length. */
  readonly isLast: boolean
  /** Length of the whole video, as soon as it is known. */
  readonly total: number | undefined
}

/** A source that is read part by part, and can be read again from an earlier offset. */
export interface VideoWindow {
  /**
   * The part from `offset` on: as many bytes as the window holds, or fewer at the end. Bytes in the window are not
   * read again; the source is opened at `offset` if that is before the window.
   *
   * @throws UpstreamResponseError when the source is empty, or its length differs from the announced one.
   * @throws NetworkError when the source breaks repeatedly.
   */
  at(offset: number): Promise<VideoPart>
  /** Digest of all bytes that were read so far, each counted once. */
  digest(): VideoDigest
  /** Closes the source. */
  close(): void
}

/** The digest of a video. */
export interface VideoDigest {
  readonly byteLength: number
  /** In hexadecimal. */
  readonly md5: string
}

/** Options of {@link videoWindow}. */
export interface VideoWindowOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Maximum bytes of one part, above 0. The window uses this much memory, plus one chunk of the source. */
  readonly maxBytes: number
}

/** Reads a source through a window of bounded size. */
export function videoWindow(source: VideoSource, { signal, clock, maxBytes }: VideoWindowOptions): VideoWindow {
  const buffer = new Uint8Array(Math.min(maxBytes, source.byteLength ?? maxBytes))
  const hash = createHash('md5')
  let start = 0
  let length = 0
  let hashedTo = 0
  let isEnded = false
  // Bytes that were read but do not fit into the window yet. They also show whether the video continues behind the
  // window.
  let ahead: Uint8Array = new Uint8Array()
  let chunks = readVideo(source, { signal, clock })

  const close = () => {
    chunks.return().catch(() => undefined) // The source is no longer needed, so its errors are ignored.
  }

  const moveTo = (offset: number) => {
    if (offset < start || offset > start + length) {
      close()
      chunks = readVideo(source, { signal, clock, offset })
      isEnded = false
      ahead = new Uint8Array()
      length = 0
    } else {
      buffer.copyWithin(0, offset - start, length)
      length -= offset - start
    }
    start = offset
  }

  const take = () => {
    const piece = ahead.subarray(0, buffer.length - length)
    buffer.set(piece, length)
    length += piece.length
    const end = start + length
    // Bytes that are read a second time are already in the hash.
    if (end > hashedTo) hash.update(buffer.subarray(Math.max(hashedTo - start, 0), length))
    hashedTo = Math.max(hashedTo, end)
    ahead = ahead.subarray(piece.length)
  }

  return {
    async at(offset) {
      moveTo(offset)
      take()
      while (ahead.length === 0 && !isEnded) {
        const { done, value } = await chunks.next()
        if (done) isEnded = true
        else ahead = value
        take()
      }
      const isLast = isEnded && ahead.length === 0
      const total = source.byteLength ?? (isLast ? start + length : undefined)
      return { offset: start, bytes: buffer.subarray(0, length), isLast, total }
    },
    digest: () => ({ byteLength: hashedTo, md5: hash.copy().digest('hex') }),
    close,
  }
}
