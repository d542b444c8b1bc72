/** Server-sent events that are pulled by their reader: nothing is read ahead. */
export interface SseSource {
  /**
   * Waits for what comes next and sends it as whole frames. Resolves with `false` after the last, and after `cancel`. Rejects with
   * a failure that no frame describes.
   */
  pull(send: (frames: string) => void): Promise<boolean>
  /** The reader leaves before the end. Throws the error of a caller's `onCancel`. */
  cancel(reason: unknown): void
}

const ENCODER = new TextEncoder()

// A server of this library writes the frames of its own streams without reading the stream.
const sources = new WeakMap<ReadableStream, SseSource>()

/** A source as a stream, at most one frame ahead of its reader. */
export function sseStream(source: SseSource): ReadableStream<Uint8Array> {
  let isCancelled = false
  const stream: ReadableStream<Uint8Array> = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        sources.delete(stream)
        const goesOn = await source.pull((frames) => controller.enqueue(ENCODER.encode(frames)))
        if (!goesOn && !isCancelled) controller.close()
      },
      cancel(reason) {
        sources.delete(stream)
        isCancelled = true
        source.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
  sources.set(stream, source)
  return stream
}

/** The source of a stream of this library that nobody has read yet, which is taken: the stream stays locked. */
export function takeSource(stream: ReadableStream | null): SseSource | undefined {
  const source = stream === null || stream.locked ? undefined : sources.get(stream)
  if (source === undefined || stream === null) return undefined
  sources.delete(stream)
  stream.getReader()
  return source
}
