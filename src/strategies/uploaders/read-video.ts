import type { Clock } from '../../contracts/clock.js'
import { isSoraPipelineError } from '../../contracts/errors.js'
import type { VideoSource } from '../../contracts/source.js'
import { NetworkError, UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { raceAbort } from '../../timing/deadline.js'
import { type Chunks, chunksOf } from '../../upstream/chunks.js'

const MOST_RESUMES = 10
const FRUITLESS_RESUMES = 3
// An opening that gave this many bytes may be repeated: a long video over a bad line breaks often.
const GOOD_PART_BYTES = 1_048_576
const FIRST_WAIT_MS = 150

/** The start of the reading, its pace and its end. */
export interface ReadVideoOptions {
  readonly signal: AbortSignal
  readonly clock: Clock
  /**
   * First byte to read, from 0.
   * @defaultValue 0
   */
  readonly offset?: number | undefined
}

/**
 * The bytes of a source from `offset` to the last, each once. If its stream breaks, or ends before the source's
 * `byteLength`, it is opened again at the last good byte: at most ten times, not counting openings that gave 1 MiB or
 * more, and at most three times in a row without a new byte. A source that fails before its first byte is not opened
 * again. Reads only on demand.
 *
 * @throws UpstreamResponseError when there are no bytes, or more or fewer than the source's `byteLength`.
 * @throws NetworkError when the source fails with a foreign error; errors of the library are rethrown.
 */
export async function* readVideo(
  source: VideoSource,
  { signal, clock, offset = 0 }: ReadVideoOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let done = offset
  let fruitless = 0
  let resumes = 0
  for (;;) {
    const before = done
    let chunks: Chunks | undefined
    try {
      chunks = await openedAt(source, done, signal)
      for (let chunk = await chunks.next(); chunk !== undefined; chunk = await chunks.next()) {
        done += chunk.byteLength
        throwIfLonger(source, done)
        yield chunk
      }
      if (done === 0) throw new UpstreamResponseError('Could not read the video: its source gave 0 bytes')
      if (source.byteLength === undefined || done === source.byteLength) return
      throw lengthError(source, done)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      fruitless = done > before ? 0 : fruitless + 1
      const isFinal = isSoraPipelineError(error) && !error.isRetryable
      if (isFinal || done === 0 || resumes >= MOST_RESUMES || fruitless > FRUITLESS_RESUMES) throw typed(error, done)
      if (done - before < GOOD_PART_BYTES) resumes += 1
      chunks?.cancel()
      await clock.sleep(FIRST_WAIT_MS * 2 ** fruitless, { signal })
    } finally {
      chunks?.cancel()
    }
  }
}

async function openedAt(source: VideoSource, offset: number, signal: AbortSignal): Promise<Chunks> {
  signal.throwIfAborted()
  const chunks = chunksOf(await raceAbort(signal, () => source.open({ offset, signal })))
  let stop: ((reason: unknown) => void) | undefined
  // One listener for all reads: a source may ignore the signal.
  const abort = () => stop?.(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        stop = reject
        chunks.next().then(resolve, reject)
      }),
    cancel() {
      signal.removeEventListener('abort', abort)
      chunks.cancel()
    },
  }
}

function typed(error: unknown, done: number): unknown {
  if (isSoraPipelineError(error)) return error
  return new NetworkError(`Could not read the video: its source broke after ${done} bytes`, { cause: error })
}

function throwIfLonger(source: VideoSource, done: number): void {
  if (source.byteLength !== undefined && done > source.byteLength)
    throw lengthError(source, done, { isRetryable: false })
}

function lengthError(source: VideoSource, done: number, options?: { readonly isRetryable: boolean }) {
  const message = `Could not read the video: its source gave ${done} of ${source.byteLength} bytes`
  return new UpstreamResponseError(message, options)
}
