import { InvalidRequestError } from '../contracts/input-errors.js'
import { videoRenderer } from './video-renderer.js'
import type { RenderOrder } from './video-worker.js'

/** What {@link makeVideo} draws. */
export interface MakeVideoOptions {
  /** Shown in the picture: printable ASCII as letters, every other character as its code, such as `<732B>`. */
  readonly prompt: string
  /** Pixels: even, 64 to 1920. */
  readonly width: number
  /** Pixels: even, 64 to 1920. */
  readonly height: number
  /** Seconds, above 0, at most 60; rounded to whole frames, of which there is at least one. */
  readonly durationSeconds: number
  /**
   * Whole number, 1 to 60. A key frame comes every second.
   * @defaultValue 12
   */
  readonly framesPerSecond?: number | undefined
  /** Stops the work; nothing is left running. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes a real H.264 MP4 on this machine, in a worker thread that lives as long as the call: the prompt as text, a block that
 * crosses the picture, and a frame counter. Playable while it downloads, and seekable. The same options give the same bytes.
 *
 * @returns the whole file: 3 seconds of 640x360 at 12 frames a second are about 20 kB.
 * @throws InvalidRequestError when an option is out of its range; names every problem.
 * @throws GenerationFailedError when the worker could not render the video.
 *
 * @example
 * ```ts
 * import { makeVideo } from 'sora-pipeline/sandbox'
 *
 * const bytes = await makeVideo({ prompt: 'A cat playing piano', width: 320, height: 180, durationSeconds: 2 })
 * console.log(bytes.byteLength)
 * ```
 */
export async function makeVideo(options: MakeVideoOptions): Promise<Uint8Array> {
  const order = toRenderOrder(options)
  const renderer = videoRenderer({ cacheSize: 0 })
  try {
    return await renderer.render(order, options.signal)
  } finally {
    await renderer.close()
  }
}

/** Checks the options and counts the frames. */
export function toRenderOrder(options: Omit<MakeVideoOptions, 'signal'>): RenderOrder {
  const { prompt, width, height, durationSeconds, framesPerSecond = 12 } = options
  const isRate = Number.isInteger(framesPerSecond) && framesPerSecond >= 1 && framesPerSecond <= 60
  const isDuration = durationSeconds > 0 && durationSeconds <= 60
  const checks = [
    { field: 'width', value: width, isRight: isSide(width), fix: 'an even number from 64 to 1920' },
    { field: 'height', value: height, isRight: isSide(height), fix: 'an even number from 64 to 1920' },
    { field: 'durationSeconds', value: durationSeconds, isRight: isDuration, fix: 'above 0, at most 60' },
    { field: 'framesPerSecond', value: framesPerSecond, isRight: isRate, fix: 'a whole number from 1 to 60' },
  ]
  const problems = checks
    .filter(({ isRight }) => !isRight)
    .map(({ field, value, fix }) => ({ field, value: String(value), fix }))
  if (problems.length > 0) throw new InvalidRequestError(problems)
  const frameCount = Math.max(1, Math.round(durationSeconds * framesPerSecond))
  return { prompt, width, height, framesPerSecond, frameCount }
}

function isSide(pixels: number): boolean {
  return pixels % 2 === 0 && pixels >= 64 && pixels <= 1920
}
