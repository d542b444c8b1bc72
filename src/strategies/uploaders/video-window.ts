import { createHash, type Hash } from 'node:crypto'
import type { Clock } from '../../contracts/clock.js'
import type { VideoSource } from '../../contracts/source.js'
import { heldChunks } from './held-chunks.js'
import { readVideo } from './read-video.js'

/** A part of a video in memory. */
export interface VideoPart {
  /** Offset of its first byte in the video. */
  readonly offset: number
  /** Its bytes in order, as they were read. No one may change them. */
  readonly chunks: readonly Uint8Array<ArrayBuffer>[]
  readonly byteLength: number
  /** Whether it is the end of the video; the source was then read to its end and has its announced length. */
  readonly isLast: boolean
  /** Length of the whole video, as soon as it is known. */
  readonly total: number | undefined
}

/** A source that is read part by part, and can be read again from an earlier offset. */
export interface VideoWindow {
  /**
   * The part from `offset` on: as many bytes as a part may have, or fewer at the end. While it is used, the next one is
   * read. Bytes in the window are not read again; the source is opened at `offset` if that is before the window.
   *
   * @throws UpstreamResponseError when the source is empty, or its length differs from the announced one.
   * @throws NetworkError when the source breaks repeatedly.
   */
  at(offset: number): Promise<VideoPart>
  /** Digest of all bytes that were read so far, each counted once. */
  digest(): VideoDigest
  /** Closes the source, also in the middle of a read. */
  close(): void
}

/** The digest of a video. */
export interface VideoDigest {
  readonly byteLength: number
  /** In hexadecimal; empty without an algorithm. */
  readonly hash: string
}

/** Options of {@link videoWindow}. */
export interface VideoWindowOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Maximum bytes of one part, above 0. */
  readonly maxBytes: number
  /** How the bytes are hashed; asked for at the first byte, when the source knows its length. @defaultValue not at all */
  readonly algorithm?: (() => 'md5' | 'sha256' | undefined) | undefined
}

const MOST_AHEAD_BYTES = 8_388_608

/**
 * Reads a source through a window of bounded size: one part, and as much again for the next one but at most 8 MiB, plus
 * one chunk of the source.
 */
export function videoWindow(source: VideoSource, options: VideoWindowOptions): VideoWindow {
  const { signal, clock, maxBytes, algorithm } = options
  const mostBytes = maxBytes + Math.min(maxBytes, MOST_AHEAD_BYTES)
  let hash: Hash | undefined
  let hashedTo = 0
  let opening: Opening | undefined

  const open = (offset: number): Opening => {
    const closed = new AbortController()
    const chunks = readVideo(source, { signal: AbortSignal.any([signal, closed.signal]), clock, offset })
    return { chunks, closed, held: heldChunks(offset), isFilling: false, wake: () => undefined }
  }
  const close = () => {
    if (opening === undefined) return
    const { closed, chunks, wake } = opening
    opening.over ??= { error: new Error('The video was closed') }
    opening = undefined
    closed.abort()
    chunks.return().catch(() => undefined) // The source is no longer needed, so its errors are ignored.
    wake()
  }
  const take = ({ held }: Opening, chunk: Uint8Array) => {
    if (hashedTo === 0) {
      const name = algorithm?.()
      hash = name && createHash(name)
    }
    held.add(chunk)
    // Bytes that are read a second time are already in the hash.
    const isNew = held.end - hashedTo
    if (isNew > 0) hash?.update(isNew < chunk.length ? chunk.subarray(-isNew) : chunk)
    hashedTo = Math.max(hashedTo, held.end)
  }
  const fill = async (current: Opening) => {
    current.isFilling = true
    try {
      while (current.held.length < mostBytes) {
        const { done, value } = await current.chunks.next()
        if (current !== opening) return
        if (done) {
          current.over = {}
          break
        }
        take(current, value)
        if (current.held.length > maxBytes) current.wake()
      }
    } catch (error) {
      current.over ??= { error }
    } finally {
      current.isFilling = false
      current.wake()
    }
  }

  return {
    async at(offset) {
      if (opening !== undefined && !opening.held.moveTo(offset)) close()
      opening ??= open(offset)
      const { held } = opening
      const current = opening
      if (!current.isFilling && current.over === undefined) void fill(current)
      // One byte more than a part shows that the video continues behind it.
      while (held.length <= maxBytes && current.over === undefined) {
        await new Promise<void>((resolve) => {
          current.wake = resolve
        })
      }
      const { over } = current
      if (over !== undefined && 'error' in over && held.length <= maxBytes) throw over.error
      const isLast = held.length <= maxBytes
      const total = source.byteLength ?? (isLast ? held.end : undefined)
      return { offset, ...held.first(maxBytes), isLast, total }
    },
    digest: () => ({ byteLength: hashedTo, hash: hash?.copy().digest('hex') ?? '' }),
    close,
  }
}

/** One reading of the source. */
interface Opening {
  readonly chunks: ReturnType<typeof readVideo>
  readonly closed: AbortController
  readonly held: ReturnType<typeof heldChunks>
  isFilling: boolean
  /** How it ended. */
  over?: { readonly error?: unknown }
  /** Called when there may be a part. */
  wake: () => void
}
