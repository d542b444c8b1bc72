import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { number, rule, text, trueOrFalse, whole } from '../contracts/option-rules.js'
import type { OpenOptions, VideoSource } from '../contracts/source.js'
import { NetworkError, UpstreamHttpError } from '../contracts/upstream-errors.js'

/** What a {@link fakeSource} holds and how it fails. */
export interface FakeSourceOptions {
  /** The bytes themselves, in place of `byteLength`. @defaultValue made-up bytes */
  readonly bytes?: Uint8Array | undefined
  /**
   * How many bytes are made up, a whole number from 0; `0` is an empty video. They are made while they are read, so
   * gigabytes cost no memory. Any other number is refused.
   * @defaultValue `1_000`
   */
  readonly byteLength?: number | undefined
  /**
   * Number that the made-up bytes depend on, any finite one: sources with another seed have other bytes. Others are refused.
   * @defaultValue `0`
   */
  readonly seed?: number | undefined
  /**
   * Length in bytes that the source announces: a number, right or wrong, from any range, or `'unknown'`. Nothing is refused.
   * @defaultValue the true length
   */
  readonly declaredByteLength?: number | 'unknown' | undefined
  /**
   * Bytes in one chunk, a whole number from 1; the last chunk of a stream may be shorter. Any other number is refused.
   * @defaultValue `65_536`
   */
  readonly chunkBytes?: number | undefined
  /**
   * Breaks a stream after that many bytes, from 0: a number breaks every stream, a list the first, the second and so on, and
   * leaves further streams whole, such as `[100_000, 50_000]` for a transfer that is cut twice.
   * @defaultValue none: no stream breaks
   */
  readonly failAfterBytes?: number | readonly number[] | undefined
  /** Error that a broken stream fails with. @defaultValue a retryable `NetworkError` */
  readonly failure?: Error | undefined
  /**
   * Every stream stops without an end after that many bytes, from 0, until it is aborted or cancelled.
   * @defaultValue `Infinity`: no stream stops
   */
  readonly hangsAfterBytes?: number | undefined
  /** Whether the source counts as public. @defaultValue `false` */
  readonly isPublic?: boolean | undefined
  /** Address of the source. @defaultValue none */
  readonly url?: string | undefined
  /** Media type of the source. @defaultValue `'video/mp4'` */
  readonly mediaType?: string | undefined
  /**
   * Epoch milliseconds after which the source is said to expire; any finite number, others are refused.
   * @defaultValue none
   */
  readonly expiresAt?: number | undefined
}

const RULES: OptionRules<FakeSourceOptions> = {
  bytes: rule((value) => ArrayBuffer.isView(value), 'give a Uint8Array'),
  byteLength: whole(0),
  seed: rule(Number.isFinite, 'give a number'),
  declaredByteLength: rule((value) => value === 'unknown' || typeof value === 'number', "give a number or 'unknown'"),
  chunkBytes: whole(1),
  failAfterBytes: rule(
    (value) => [value].flat().every((bytes) => typeof bytes === 'number' && bytes >= 0),
    'give bytes from 0, or a list of them',
  ),
  failure: rule((value) => value instanceof Error, 'give an error'),
  hangsAfterBytes: number((value) => value >= 0, 'give bytes from 0'),
  isPublic: trueOrFalse,
  url: text(),
  mediaType: text("give a media type, such as 'video/mp4'"),
  expiresAt: number(Number.isFinite, 'give epoch milliseconds'),
}

/** A source of made-up bytes that knows what was done with it. */
export interface FakeSource extends VideoSource {
  /** One entry for each call of `open` that gave a stream. */
  readonly opens: readonly { readonly offset: number }[]
  /** Streams that have neither ended nor failed nor been cancelled or aborted. */
  readonly openStreams: number
  /** Bytes given out by all streams together. */
  readonly bytesGiven: number
  /** A copy of the true bytes from `start` (0 by default) to before `end` (the true length by default). */
  slice(start?: number, end?: number): Uint8Array<ArrayBuffer>
}

/**
 * Makes a video source that can break, hang or lie about its length, for tests of uploaders and of the pipeline.
 *
 * @example
 * ```ts
 * import { fakeSource } from 'sora-pipeline/testing'
 *
 * const source = fakeSource({ byteLength: 1_000_000, failAfterBytes: [400_000] })
 * const again = await source.open({ offset: 400_000 }).then((stream) => stream.cancel())
 * console.log(again, source.opens, source.openStreams)
 * ```
 */
export function fakeSource(options: FakeSourceOptions = {}): FakeSource {
  checkOptions('fakeSource', options, RULES)
  const { chunkBytes = 65_536, failAfterBytes, hangsAfterBytes = Number.POSITIVE_INFINITY } = options
  const contents = options.bytes ? wholeOf(options.bytes) : madeUp(options.byteLength ?? 1000, options.seed ?? 0)
  const declared = options.declaredByteLength ?? contents.byteLength
  const opens: { offset: number }[] = []
  let openStreams = 0
  let bytesGiven = 0

  const open = async ({ offset = 0, signal }: OpenOptions = {}): Promise<ReadableStream<Uint8Array>> => {
    signal?.throwIfAborted()
    if (!Number.isInteger(offset) || offset < 0 || offset > contents.byteLength) {
      throw new UpstreamHttpError(`Could not open the source at the offset: ${offset}`, { status: 416 })
    }
    const failAfter =
      (typeof failAfterBytes === 'object' ? failAfterBytes[opens.length] : failAfterBytes) ?? Number.POSITIVE_INFINITY
    opens.push({ offset })
    openStreams += 1
    let given = 0
    let finish = () => {}
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          const abort = () => {
            finish()
            controller.error(signal?.reason)
          }
          finish = () => {
            openStreams -= 1
            signal?.removeEventListener('abort', abort)
          }
          signal?.addEventListener('abort', abort, { once: true })
        },
        pull(controller): void | Promise<void> {
          const position = offset + given
          if (given >= failAfter) {
            finish()
            const cut = `Could not read the source: the connection was cut after ${given} bytes`
            return controller.error(options.failure ?? new NetworkError(cut))
          }
          if (given >= hangsAfterBytes) return new Promise<void>(() => {})
          if (position >= contents.byteLength) {
            finish()
            return controller.close()
          }
          const left = Math.min(chunkBytes, failAfter - given, hangsAfterBytes - given, contents.byteLength - position)
          given += left
          bytesGiven += left
          controller.enqueue(contents.slice(position, position + left))
        },
        cancel: () => finish(),
      },
      { highWaterMark: 0 },
    )
  }

  return {
    isPublic: options.isPublic ?? false,
    ...(options.url !== undefined && { url: options.url }),
    mediaType: options.mediaType ?? 'video/mp4',
    ...(declared !== 'unknown' && { byteLength: declared }),
    ...(options.expiresAt !== undefined && { expiresAt: options.expiresAt }),
    open,
    opens,
    get openStreams() {
      return openStreams
    },
    get bytesGiven() {
      return bytesGiven
    },
    slice: (start = 0, end = contents.byteLength) => contents.slice(start, end),
  }
}

interface Contents {
  readonly byteLength: number
  slice(start: number, end: number): Uint8Array<ArrayBuffer>
}

function wholeOf(bytes: Uint8Array): Contents {
  return { byteLength: bytes.byteLength, slice: (start, end) => Uint8Array.from(bytes.subarray(start, end)) }
}

// A prime, so that no part of an upload, whose sizes are round numbers, looks like another one.
const PERIOD = 65_537

function madeUp(byteLength: number, seed: number): Contents {
  const pattern = new Uint8Array(PERIOD)
  let state = Math.imul(seed + 1, 0x9e3779b1) || 1
  for (let index = 0; index < PERIOD; index += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    pattern[index] = state & 255
  }
  return {
    byteLength,
    slice(start, end) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start))
      for (let done = 0; done < bytes.length; ) {
        const from = (start + done) % PERIOD
        const piece = pattern.subarray(from, from + bytes.length - done)
        bytes.set(piece, done)
        done += piece.length
      }
      return bytes
    },
  }
}
