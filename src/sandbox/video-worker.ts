import { createRequire } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type Encoders from 'h264-mp4-encoder'
import { toPlayableMp4 } from './playable-mp4.ts'
import { drawFrames } from './video-frames.ts'

/** What the worker is started with. */
export interface RenderSettings {
  /** Files and URLs of files from which the encoder is searched for, one after the other. */
  readonly places: readonly string[]
}

/** What the worker is asked for: one message, one answer, in order. */
export interface RenderOrder {
  readonly prompt: string
  readonly width: number
  readonly height: number
  readonly framesPerSecond: number
  readonly frameCount: number
}

/** The answer of the worker. */
export type RenderAnswer = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly error: string }

parentPort?.on('message', (order: RenderOrder) => {
  const { places } = workerData as RenderSettings
  const file = encoderFile(places)
  if (file === undefined) {
    const error = `h264-mp4-encoder is not found from ${places.join(' or ')}; install it, it is an optional dependency`
    return answer({ error })
  }
  render(order, createRequire(file)(file)).then(
    (bytes) => answer({ bytes }, [bytes.buffer]),
    (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
  )
})

function answer(message: RenderAnswer, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, [...transfer])
}

async function render(order: RenderOrder, encoders: typeof Encoders): Promise<Uint8Array<ArrayBuffer>> {
  const encoder = await encoders.createH264MP4Encoder()
  encoder.width = order.width
  encoder.height = order.height
  encoder.frameRate = order.framesPerSecond
  encoder.groupOfPictures = order.framesPerSecond
  encoder.speed = 8
  encoder.quantizationParameter = 26
  encoder.initialize()
  for (const frame of drawFrames(order)) encoder.addFrameYuv(frame)
  encoder.finalize()
  const file = encoder.FS.readFile(encoder.outputFilename, { encoding: 'binary' })
  encoder.FS.unlink(encoder.outputFilename)
  encoder.delete()
  return toPlayableMp4(file, { keyFrameInterval: order.framesPerSecond })
}

// Built, this module is text without a place of its own.
function encoderFile(places: readonly string[]): string | undefined {
  for (const place of places) {
    const file = resolved('h264-mp4-encoder', place) ?? resolved('h264-mp4-encoder', resolved('sora-pipeline', place))
    if (file !== undefined) return file
  }
  return undefined
}

function resolved(name: string, place: string | undefined): string | undefined {
  if (place === undefined) return undefined
  try {
    return createRequire(place).resolve(name)
  } catch {
    return undefined
  }
}
