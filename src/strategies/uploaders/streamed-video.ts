import type { StageContext } from '../../contracts/stage.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { raceAbort } from '../../timing/deadline.js'
import type { OutgoingStream } from '../../upstream/outgoing-request.js'
import type { ByteProgress } from './byte-progress.js'
import type { VideoPart, VideoWindow } from './video-window.js'

/** One attempt to send a video in one stream. */
export interface StreamedVideo {
  readonly window: VideoWindow
  readonly progress: ByteProgress
  readonly context: StageContext
  /** Who takes the bytes, for the message. */
  readonly receiver: string
  /** Milliseconds without a byte taken, and then without an answer. The time in which the source has no bytes does not count. */
  readonly timeoutMs: number
}

/** What a receiver is given. */
export interface SentVideo {
  readonly stream: OutgoingStream
  /** Aborted with the run, when the receiver takes no bytes, and when the attempt is over. */
  readonly signal: AbortSignal
  /** Whether the last byte was handed over. */
  isWhole(): boolean
}

const PIECE_BYTES = 65_536
const sourceFailures = new WeakSet<object>()

/** Whether an error of {@link sendStreamed} is about its source. */
export function isSourceFailure(error: unknown): boolean {
  return typeof error === 'object' && error !== null && sourceFailures.has(error)
}

/**
 * Hands the bytes of a window from the first to the last to a receiver, in pieces that it may keep but not change, only as fast as it
 * takes them. Settles at once when the run is aborted, also when the receiver does not listen.
 *
 * @throws NetworkError when the receiver takes no bytes, or does not answer, for `timeoutMs`; and what the source says when it breaks,
 * whatever the receiver makes of it.
 */
export async function sendStreamed<T>(video: StreamedVideo, send: (sent: SentVideo) => Promise<T>): Promise<T> {
  const { window, progress, context, receiver, timeoutMs } = video
  const limit = stallLimit(context.signal, timeoutMs, receiver)
  const { total: byteLength } = await firstPart(window)
  let isWhole = false
  let broken: { readonly error: unknown } | undefined

  async function* pieces(): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
    try {
      for (let offset = 0, isLast = false; !isLast; ) {
        limit.pause()
        const part = await window.at(offset)
        for (const piece of piecesOf(part)) {
          offset += piece.length
          isWhole = part.isLast && offset === part.offset + part.byteLength
          limit.start()
          yield piece
          progress.update(offset, part.total)
        }
        isLast = part.isLast
      }
      limit.start()
    } catch (error) {
      broken = { error }
      if (typeof error === 'object' && error !== null) sourceFailures.add(error)
      throw error
    }
  }

  try {
    limit.start()
    const sent: SentVideo = {
      stream: { chunks: pieces(), byteLength },
      signal: limit.signal,
      isWhole: () => isWhole,
    }
    const answer = await raceAbort(limit.signal, () => send(sent))
    limit.pause()
    if (broken !== undefined) throw broken.error
    return answer
  } catch (error) {
    throw limit.end(broken === undefined ? error : broken.error)
  }
}

function* piecesOf({ chunks }: VideoPart): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES)
  }
}

async function firstPart(window: VideoWindow) {
  try {
    return await window.at(0)
  } catch (error) {
    if (typeof error === 'object' && error !== null) sourceFailures.add(error)
    throw error
  }
}

function stallLimit(outer: AbortSignal, timeoutMs: number, receiver: string) {
  const stalled = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const pause = () => clearTimeout(timer)
  return {
    signal: AbortSignal.any([outer, stalled.signal]),
    pause,
    start() {
      pause()
      if (!Number.isFinite(timeoutMs)) return
      const message = `Could not upload the video: ${receiver} took no bytes and did not answer within ${timeoutMs} ms`
      timer = setTimeout(() => stalled.abort(new NetworkError(message)), timeoutMs)
    },
    /** Ends what still sends, and gives what the attempt failed with. */
    end(error: unknown): unknown {
      pause()
      if (stalled.signal.aborted) return outer.aborted ? outer.reason : stalled.signal.reason
      stalled.abort(error)
      return outer.aborted ? outer.reason : error
    },
  }
}
