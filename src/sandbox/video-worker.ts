import { parentPort } from 'node:worker_threads'
import { toPlayableMp4 } from './playable-mp4.ts'
import { drawFrames } from './video-frames.ts'

/** The input of the worker: one message, one answer, in order. */
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
  render(order).then(
    (bytes) => answer({ bytes }, [bytes.buffer]),
    (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
  )
})

function answer(message: RenderAnswer, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, [...transfer])
}

async function render(order: RenderOrder): Promise<Uint8Array<ArrayBuffer>> {
  // Installed with the package unless optional dependencies are omitted; the answer then names the missing package.
  const { default: encoders } = await import('h264-mp4-encoder')
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
