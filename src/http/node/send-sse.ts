import type { SseSink, SseSource } from '../../openai/sse-source.js'
import { type ChunkForm, formOf, PLAIN } from './chunk-form.js'
import { clientGone } from './client-gone.js'
import { cutResponse } from './cut-response.js'
import type { NodeResponse } from './node-messages.js'
import { type ClosedListener, Closing } from './once-closed.js'

const MAX_BATCH_LENGTH = 64 * 1024
// Node 22.12 reports no drain for a corked write beyond its high-water mark of 16 KB.
const MOST_CORKED_LENGTH = 4 * 1024

/** Writes status and headers. `isWhole`: everything else follows at once, so that its length can be a header. */
export type SseHead = (response: NodeResponse, isWhole: boolean) => void

/** How a stream failed. */
export interface SseFailure {
  readonly error: unknown
  /** Whether the client had disconnected before. */
  readonly hasLeft: boolean
}

/**
 * Called once: after everything is passed to the operating system or the client has disconnected, or with the failure
 * of the source, after the connection was cut.
 */
export type SseEnd = (response: NodeResponse, failure?: SseFailure) => void

/**
 * Writes server-sent events of this library, without a stream in between. Frames that are ready together are written
 * together, and at most one batch is read ahead of a client that does not read. When the client disconnects, the source
 * is cancelled. An open stream holds its source and its response, and nothing of its request.
 */
export function sendSse(response: NodeResponse, source: SseSource, head: SseHead, onEnd: SseEnd): void {
  const writer = new SseWriter(response, source, head, onEnd)
  writer.start()
}

class SseWriter implements SseSink, ClosedListener {
  readonly #response: NodeResponse
  readonly #source: SseSource
  readonly #onEnd: SseEnd
  readonly #closing: Closing
  /** `undefined` once it was written. */
  #head: SseHead | undefined
  #batch = ''
  #isOpen = true
  #isOver = false
  #isFlushDue = false
  #isBlocked = false
  #isPullDue = false
  /** What texts are written as. */
  #form: ChunkForm = PLAIN

  constructor(response: NodeResponse, source: SseSource, head: SseHead, onEnd: SseEnd) {
    this.#response = response
    this.#source = source
    this.#head = head
    this.#onEnd = onEnd
    this.#closing = new Closing(response, this)
  }

  start(): void {
    // In the next turn, so that the headers of a stream that is ready are sent with it.
    setImmediate(() => {
      if (!this.#isOpen || this.#response.writableEnded) return
      this.#openHead()
    })
    this.#source.pull(this)
  }

  take(frame: string, isLast: boolean): void {
    this.#batch += frame
    if (isLast) {
      this.#isOver = true
      if (this.#isOpen && this.#writeHead(true)) this.#response.end(this.#form.last(this.#takeBatch()))
      return
    }
    this.#isPullDue = true
    if (this.#batch.length >= MAX_BATCH_LENGTH) {
      this.flush()
      // A source that is always ready would block all others.
      setImmediate(() => this.#pullIfDue())
      return
    }
    if (!this.#isFlushDue) {
      this.#isFlushDue = true
      flushSoon(this)
    }
    this.#pullIfDue()
  }

  fail(error: unknown): void {
    const hasLeft = !this.#isOpen
    this.#closing.stop()
    leaveSource(this.#source)
    // The frames before the failure are useful, and are sent within a turn if the client reads.
    this.flush()
    this.#isOpen = false
    setImmediate(() => {
      if (!hasLeft && this.#response.headersSent) cutResponse(this.#response)
      this.#onEnd(this.#response, { error, hasLeft })
    })
  }

  onClosed(): void {
    this.#isOpen = false
    if (!this.#isOver) leaveSource(this.#source)
    this.#onEnd(this.#response)
  }

  flush(): void {
    this.#isFlushDue = false
    if (this.#batch === '' || !this.#isOpen) return
    const response = this.#response
    if (this.#head !== undefined) {
      // On their own, but sent with the first frames: joined to them, they would stay in memory in pieces.
      if (this.#batch.length < MOST_CORKED_LENGTH) {
        response.cork()
        process.nextTick(() => {
          // An end has done it already.
          if (!response.writableEnded) response.uncork()
        })
      }
      if (!this.#openHead()) return
    }
    this.#isBlocked = !response.write(this.#form.next(this.#takeBatch()))
    if (this.#isBlocked) response.once('drain', () => this.#unblock())
  }

  // Sends the head before the body.
  #openHead(): boolean {
    if (this.#head === undefined || !this.#writeHead(false)) return false
    this.#response.flushHeaders?.()
    this.#form = formOf(this.#response)
    return true
  }

  #writeHead(isWhole: boolean): boolean {
    const head = this.#head
    this.#head = undefined
    try {
      head?.(this.#response, isWhole)
      return true
    } catch (error) {
      // Nothing of the answer can be sent.
      this.#batch = ''
      this.fail(error)
      return false
    }
  }

  #pullIfDue(): void {
    if (!this.#isPullDue || this.#isBlocked || !this.#isOpen) return
    this.#isPullDue = false
    this.#source.pull(this)
  }

  #unblock(): void {
    this.#isBlocked = false
    this.#pullIfDue()
  }

  #takeBatch(): string {
    const frames = this.#batch
    this.#batch = ''
    return frames
  }
}

let due: SseWriter[] = []

// Runs only when the sources have to wait, because settled promises run first.
function flushSoon(writer: SseWriter): void {
  if (due.push(writer) === 1) process.nextTick(flushAll)
}

function flushAll(): void {
  const writers = due
  due = []
  for (const writer of writers) writer.flush()
}

/** Cancels a source whose client has disconnected. */
export function leaveSource(source: SseSource | undefined): void {
  try {
    source?.cancel(clientGone())
  } catch {
    // An error of a caller's `onCancel`, as when a stream is cancelled: there is no reader left.
  }
}
