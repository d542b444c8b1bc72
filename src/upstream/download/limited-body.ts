import { NetworkError, UpstreamResponseError } from '../../contracts/upstream-errors.js'
import type { Chunks } from '../chunks.js'
import { declaredLength, isEncoded } from '../content-range.js'
import { mediaTypeOf } from '../media-type.js'
import { type FailedExchange, hostOf, networkFailure } from '../network-failure.js'
import type { Exchange } from './exchange.js'

/** The largest body and the lowest rate of a peer. */
export interface BodyLimits {
  readonly maxBytes: number
  /** Longest silence in milliseconds. */
  readonly idleMs: number
  /** Lowest rate in bytes a second, averaged over `slowMs` milliseconds of waiting. */
  readonly minBytesPerSecond: number
  readonly slowMs: number
}

const LONGEST_TIMER_MS = 2_147_483_647

/** A body and its limits. */
export interface LimitedBodyOptions {
  readonly exchange: Exchange
  readonly place: FailedExchange
  readonly limits: BodyLimits
  /** The caller's signal: the body breaks off with its reason. */
  readonly signal: AbortSignal
  /** Called when the body is over. */
  readonly release: () => void
}

/**
 * The bytes of an answer as they arrive. Reads only on demand, so a slow reader slows the sender down, and only the
 * time spent waiting for the sender counts. A body shorter than announced errors, a longer one is cut.
 *
 * @throws UpstreamResponseError when the announced length exceeds the limit. The body breaks off with one when it is
 * announced as encoded and does not start like a video.
 */
export function limitedBody(options: LimitedBodyOptions): Chunks {
  const { exchange, place, limits, signal, release } = options
  const declared = declaredLength(exchange.headers)
  const problem = (what: string) => `Could not ${place.what}: ${hostOf(place.url)} ${what}`
  const tooLong = () =>
    new UpstreamResponseError(problem(`sent more than ${limits.maxBytes} bytes`), { isRetryable: false })
  const isLabelled = isEncoded(exchange.headers)
  const encoded = () =>
    new UpstreamResponseError(problem('sent an encoded body, which was not requested'), { isRetryable: false })
  if (declared !== undefined && declared > limits.maxBytes) throw tooLong()
  const pace = createPace(limits)
  const watch = createWatch(limits.idleMs, () =>
    exchange.close(new NetworkError(problem(`was silent for ${limits.idleMs} ms`))),
  )
  let received = 0

  function end(): void {
    watch.stop()
    exchange.close()
    release()
  }

  async function next(): Promise<Uint8Array | undefined> {
    const startedAt = performance.now()
    watch.start()
    const chunk = await exchange.next()
    watch.pause()
    if (chunk !== undefined && pace.isTooSlow(chunk.byteLength, performance.now() - startedAt)) {
      throw new NetworkError(problem(`sent less than ${limits.minBytesPerSecond} bytes a second`))
    }
    return chunk
  }

  /** The part of the chunk that is within the announced length; `undefined` at the end of the body. */
  async function nextWanted(): Promise<Uint8Array | undefined> {
    if (received === declared) return undefined
    const chunk = await next()
    if (chunk === undefined) {
      if (declared === undefined) return undefined
      throw new UpstreamResponseError(problem(`sent ${received} of ${declared} bytes`))
    }
    // Stores keep the encoding label of an upload beside a file that is not encoded: the bytes decide.
    if (isLabelled && received === 0 && !isVideo(chunk)) throw encoded()
    const wanted = declared === undefined ? chunk.byteLength : Math.min(chunk.byteLength, declared - received)
    received += wanted
    if (received > limits.maxBytes) throw tooLong()
    return new Uint8Array(chunk.buffer, chunk.byteOffset, wanted)
  }

  return {
    async next() {
      try {
        let chunk = await nextWanted()
        while (chunk?.byteLength === 0) chunk = await nextWanted()
        if (chunk === undefined) end()
        return chunk
      } catch (error) {
        const failure = networkFailure(error, place, signal)
        end()
        throw failure
      }
    },
    cancel: end,
  }
}

function isVideo(first: Uint8Array): boolean {
  return first.byteLength === 0 || mediaTypeOf(first)?.startsWith('video/') === true
}

/** Fires when one wait takes too long; one timer serves all waits of a body. */
function createWatch(idleMs: number, onSilence: () => void) {
  let timer: NodeJS.Timeout | undefined
  let isWaiting = false
  const fire = () => {
    if (isWaiting) onSilence()
  }
  return {
    start() {
      isWaiting = true
      timer = timer?.refresh() ?? setTimeout(fire, Math.min(idleMs, LONGEST_TIMER_MS)).unref()
    },
    pause() {
      isWaiting = false
    },
    stop() {
      isWaiting = false
      clearTimeout(timer)
    },
  }
}

/** Reports when a whole window of waiting brought too few bytes. */
function createPace({ slowMs, minBytesPerSecond }: BodyLimits) {
  let waitedMs = 0
  let bytes = 0
  return {
    isTooSlow(byteLength: number, ms: number): boolean {
      waitedMs += ms
      bytes += byteLength
      if (waitedMs < slowMs) return false
      const isSlow = bytes < (minBytesPerSecond * waitedMs) / 1_000
      waitedMs = 0
      bytes = 0
      return isSlow
    },
  }
}
