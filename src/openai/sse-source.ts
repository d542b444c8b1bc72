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
  const sink = new StreamSink(source)
  const stream: ReadableStream<Uint8Array> = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        sources.delete(stream)
        sink.pull(controller)
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

/** Passes frames on to a stream. A pull is over at once, because a promise for each would only wait for its frame. */
class StreamSink implements SseSink {
  readonly #source: SseSource
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #isPulling = false

  constructor(source: SseSource) {
    this.#source = source
  }

  pull(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller
    // Several reads at once are answered one after the other: each frame has the stream pull for the next.
    if (this.#isPulling) return
    this.#isPulling = true
    this.#source.pull(this)
  }

  take(frame: string, isLast: boolean): void {
    this.#isPulling = false
    if (frame !== '') this.#controller?.enqueue(ENCODER.encode(frame))
    if (isLast) this.#controller?.close()
  }

  fail(error: unknown): void {
    this.#controller?.error(error)
  }
}

/** Takes the source of a stream of this library that has not been read; the stream stays locked. */
export function takeSource(stream: ReadableStream | null): SseSource | undefined {
  const source = stream === null || stream.locked ? undefined : sources.get(stream)
  if (source === undefined || stream === null) return undefined
  sources.delete(stream)
  stream.getReader()
  return source
}
