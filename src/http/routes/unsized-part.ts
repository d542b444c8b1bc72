import { isSoraPipelineError } from '../../contracts/errors.js'
import type { VideoSource } from '../../contracts/source.js'
import { discard } from '../../upstream/body-text.js'

/** Bytes of a video with an unknown length. */
export interface UnsizedPart {
  readonly start: number
  /** At least one. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The length of the whole video, if the bytes are its last. */
  readonly total: number | undefined
}

/** A range request to a source with an unknown length. */
export interface UnsizedRequest {
  readonly source: VideoSource
  /** The source, opened at its beginning. It is read only for a part from the beginning. */
  readonly opened: ReadableStream<Uint8Array>
  /** The `Range` header. */
  readonly range: string | null
  readonly signal: AbortSignal
}

// A 206 has to state its range before the bytes, so this many are read beforehand.
const MOST_BYTES = 1_048_576

/**
 * Returns the part for a `Range` header if the length of the source is unknown. Opening it at an offset may reveal
 * the length (`source.byteLength`): then nothing is returned, because the part can be served like any other.
 * Otherwise it is up to 1 MiB, or the rest of the video within that. `undefined` means the whole video, which answers
 * every other range: one without an end, a longer one, and one that counts from the end. `unsatisfiable` for bytes
 * beyond the video.
 */
export async function unsizedPart(request: UnsizedRequest): Promise<UnsizedPart | 'unsatisfiable' | undefined> {
  const { source, opened, range, signal } = request
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range?.replaceAll(/\s/g, '') ?? '')
  const [, from = '', to = ''] = match ?? []
  const start = Number(from)
  const wanted = to === '' || from === '' ? Number.POSITIVE_INFINITY : Number(to) - start + 1
  if (match === null || from + to === '' || wanted < 1) return undefined
  let sought: ReadableStream<Uint8Array>
  try {
    sought = await source.open({ offset: Math.max(1, start), signal })
  } catch (error) {
    signal.throwIfAborted()
    return isPastEnd(error) && start > 0 ? 'unsatisfiable' : undefined
  }
  // The whole video starts with the requested bytes, or their offset is unknown.
  const isWhole = from === '' || (start === 0 && wanted > MOST_BYTES)
  if (source.byteLength !== undefined || isWhole) {
    discard(sought)
    return undefined
  }
  if (start === 0) discard(sought)
  const { bytes, isEnd } = await readUpTo(start === 0 ? opened : sought, Math.min(wanted, MOST_BYTES))
  if (bytes.byteLength === 0) return 'unsatisfiable'
  if (!isEnd && wanted > MOST_BYTES) return undefined
  return { start, bytes, total: isEnd ? start + bytes.byteLength : undefined }
}

function isPastEnd(error: unknown): boolean {
  return isSoraPipelineError(error) && 'status' in error && error.status === 416
}

async function readUpTo(stream: ReadableStream<Uint8Array>, length: number) {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let left = length
  let isEnd = false
  while (left > 0 && !isEnd) {
    const { done, value } = await reader.read()
    isEnd = done
    if (value === undefined) continue
    chunks.push(value.subarray(0, left))
    left -= Math.min(left, value.byteLength)
  }
  discard(reader)
  return { bytes: new Uint8Array(Buffer.concat(chunks)), isEnd }
}
