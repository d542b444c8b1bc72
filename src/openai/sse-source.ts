/** Takes what a source was asked for. */
export interface SseSink {
  /** One frame, or an empty text after which nothing follows. */
  take(frame: string, isLast: boolean): void
  /** A failure that no frame describes. */
  fail(error: unknown): void
}

/**
 * Server-sent events that are pulled by their reader: nothing is read ahead. Without promises, because a reader needs
 * one for each frame at most.
 */
export interface SseSource {
  /** Gives the sink one frame when it is there. Called again only after that. */
  pull(sink: SseSink): void
  /** The reader leaves before the end: its sink gets nothing more. Throws the error of a caller's `onCancel`. */
  cancel(reason: unknown): void
}

const ENCODER = new TextEncoder()

// A server of this library writes the frames of its own streams without reading the stream.
const sources = new WeakMap<ReadableStream, SseSource>()

/** A source as a stream, at most one frame ahead of its reader. */
export function sseStream(source: SseSource): ReadableStream<Uint8Array> {
  const stream: ReadableStream<Uint8Array> = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        sources.delete(stream)
        return new Promise<void>((resolve, reject) => {
          source.pull({
            take(frame, isLast) {
              if (frame !== '') controller.enqueue(ENCODER.encode(frame))
              if (isLast) controller.close()
              resolve()
            },
            fail: reject,
          })
        })
      },
      cancel(reason) {
        sources.delete(stream)
        source.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
  sources.set(stream, source)
  return stream
}

/** Takes the source of a stream of this library that has not been read; the stream stays locked. */
export function takeSource(stream: ReadableStream | null): SseSource | undefined {
  const source = stream === null || stream.locked ? undefined : sources.get(stream)
  if (source === undefined || stream === null) return undefined
  sources.delete(stream)
  stream.getReader()
  return source
}
