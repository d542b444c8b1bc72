import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SseSink, SseSource } from '../../openai/sse-source.js'
import { clientGone } from './client-gone.js'
import { cutResponse } from './cut-response.js'
import type { NodeResponse } from './node-messages.js'
import { onceClosed } from './once-closed.js'

const MAX_BATCH_LENGTH = 64 * 1024

/**
 * Writes server-sent events of this library, without a stream in between. Frames that are ready together are written
 * together, and at most one batch is read ahead of a client that does not read. Resolves when everything is passed to
 * the operating system or the client has disconnected; the source is then cancelled.
 * @throws the failure of the source, after the connection was cut.
 */
export async function sendSse(response: NodeResponse, source: SseSource, writeHead: () => void): Promise<void> {
  const writer = new SseWriter(response, source)
  try {
    writeHead()
    await writer.run()
  } catch (error) {
    await writer.cut()
    throw error
  }
}

class SseWriter implements SseSink {
  readonly #response: NodeResponse
  readonly #source: SseSource
  readonly #sent = Promise.withResolvers<void>()
  readonly #stop: () => void
  #batch = ''
  #isOpen = true
  #isOver = false
  #isFlushDue = false
  #isBlocked = false
  #isPullDue = false

  constructor(response: NodeResponse, source: SseSource) {
    this.#response = response
    this.#source = source
    this.#stop = onceClosed(response, () => {
      this.#isOpen = false
      response.off('drain', this.#onDrain)
      if (!this.#isOver) leaveSource(source)
      this.#sent.resolve()
    })
    response.on('drain', this.#onDrain)
  }

  run(): Promise<void> {
    // In the next turn, so that the headers of a stream that is ready are sent with it.
    setImmediate(() => {
      if (this.#isOpen && !this.#response.writableEnded) this.#response.flushHeaders?.()
    })
    this.#source.pull(this)
    return this.#sent.promise
  }

  take(frame: string, isLast: boolean): void {
    this.#batch += frame
    if (isLast) {
      this.#isOver = true
      if (this.#isOpen) this.#response.end(this.#takeBatch())
      return
    }
    this.#isPullDue = true
    if (this.#batch.length >= MAX_BATCH_LENGTH) {
      this.#flush()
      // A source that is always ready would block all others.
      setImmediate(this.#pullIfDue)
      return
    }
    if (!this.#isFlushDue) {
      this.#isFlushDue = true
      // Runs only when the source has to wait, because settled promises run first.
      process.nextTick(this.#flush)
    }
    this.#pullIfDue()
  }

  fail(error: unknown): void {
    this.#sent.reject(error)
  }

  /** Ends the answer so that its client notices that the rest is missing. */
  async cut(): Promise<void> {
    this.#stop()
    this.#response.off('drain', this.#onDrain)
    leaveSource(this.#source)
    // The frames before the failure are useful, and are sent within a turn if the client reads.
    this.#flush()
    await nextTurn()
    if (this.#isOpen && this.#response.headersSent) cutResponse(this.#response)
  }

  readonly #flush = (): void => {
    this.#isFlushDue = false
    if (this.#batch !== '' && this.#isOpen) this.#isBlocked = !this.#response.write(this.#takeBatch())
  }

  readonly #pullIfDue = (): void => {
    if (!this.#isPullDue || this.#isBlocked || !this.#isOpen) return
    this.#isPullDue = false
    this.#source.pull(this)
  }

  readonly #onDrain = (): void => {
    this.#isBlocked = false
    this.#pullIfDue()
  }

  #takeBatch(): string {
    const frames = this.#batch
    this.#batch = ''
    return frames
  }
}

/** Cancels a source whose client has disconnected. */
export function leaveSource(source: SseSource | undefined): void {
  try {
    source?.cancel(clientGone())
  } catch {
    // An error of a caller's `onCancel`, as when a stream is cancelled: there is no reader left.
  }
}
