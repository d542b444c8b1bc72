import type { Clock } from '../contracts/clock.js'
import type { ChatCompletionChunk, ChatCompletionChunks } from './chat-completion-chunk.js'
import { type ChunkFrames, chunkFrames, dataFrame } from './chunk-frames.js'
import { PacedSteps, type Waiter } from './paced-steps.js'
import { plainLine } from './plain-text.js'
import type { SseSink, SseSource } from './sse-source.js'
import { type OpenAiErrorBody, toOpenAiError } from './to-openai-error.js'

/** Options of `toSse` with every default filled in; `heartbeatMs` is `Infinity` for none. */
export interface ChunkSourceOptions {
  readonly heartbeatMs: number
  readonly errorContent: 'include' | 'omit'
  readonly runId: string | undefined
  readonly onCancel: ((reason: unknown) => void) | undefined
  /** Called once, when the reader has the answer, or `error` in place of it. */
  readonly onAnswer?: ((error: unknown) => void) | undefined
  /** Called in its place when the reader has left before. */
  readonly onCut?: (() => void) | undefined
  readonly clock: Clock
}

const DONE = 'data: [DONE]\n\n'

/**
 * Chunks as server-sent events, with heartbeats and an end, as `toSse` describes. A heartbeat is a chunk and not a comment, because
 * some readers stop at a comment or lose the frame after it. None follows the answer, which is the last chunk that a reader waits
 * for.
 */
export class ChunkSource implements SseSource, Waiter<unknown> {
  readonly #frames: ChunkFrames<unknown>
  readonly #options: ChunkSourceOptions
  readonly #steps: PacedSteps<unknown>
  #sink: SseSink | undefined
  /** The last frames, once the chunks have ended. */
  #last: string[] | undefined
  #isAnswered = false

  constructor(chunks: AsyncIterable<ChatCompletionChunk> | ChatCompletionChunks, options: ChunkSourceOptions) {
    const { heartbeatMs: everyMs, clock } = options
    this.#options = options
    this.#frames = chunkFrames(chunks)
    this.#steps = new PacedSteps(this.#frames, { everyMs, clock }, this)
    this.#steps.isMuted = !this.#frames.isOpen
  }

  pull(sink: SseSink): void {
    this.#sink = sink
    if (this.#last === undefined) this.#steps.wait()
    else this.#giveLast(this.#last)
  }

  cancel(reason: unknown): void {
    this.#sink = undefined
    this.#steps.end()
    const isAnswered = this.#isAnswered
    this.#isAnswered = true
    try {
      if (!isAnswered) this.#options.onCut?.()
      this.#options.onCancel?.(reason)
    } finally {
      this.#frames.stop()
    }
  }

  onStep({ done, value }: IteratorResult<unknown, unknown>): void {
    if (done === true) {
      this.#end()
      return
    }
    let frame: string
    try {
      frame = this.#frames.frameOf(value)
    } catch (error) {
      // Custom chunks that are not JSON end the stream like chunks that throw.
      this.#frames.stop()
      this.#end({ error })
      return
    }
    this.#steps.isMuted = !this.#frames.isOpen
    this.#give(frame)
    if (!this.#frames.isOpen) this.#answer(undefined)
  }

  onFailure(error: unknown): void {
    this.#end({ error })
  }

  onSilence(): void {
    this.#give(this.#frames.frameWith({}) ?? '')
  }

  #give(frame: string): void {
    this.#steps.sent()
    this.#sink?.take(frame, false)
  }

  #end(failure?: { readonly error: unknown }): void {
    this.#steps.end()
    this.#giveLast(failure === undefined ? [DONE] : [...this.#framesOf(failure.error), DONE])
    this.#answer(failure?.error)
  }

  #answer(error: unknown): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    this.#options.onAnswer?.(error)
  }

  #giveLast([frame = '', ...rest]: readonly string[]): void {
    this.#last = rest
    this.#sink?.take(frame, rest.length === 0)
  }

  #framesOf(error: unknown): readonly string[] {
    const { errorContent, runId } = this.#options
    const { error: body } = toOpenAiError(error).body
    const said = errorContent === 'include' ? this.#frames.frameWith({ content: failureLine(body) }) : undefined
    const frame = dataFrame({ error: { ...body, ...(runId !== undefined && { run_id: runId }) } })
    return said === undefined ? [frame] : [said, frame]
  }
}

// What to do is at the end of the message, after the text of an upstream.
const MOST_CHARACTERS = 600

// On its own line below the earlier text. A URL in it must not be mistaken for that of the video.
function failureLine({ message }: OpenAiErrorBody): string {
  return `\n❌ ${plainLine(message.replace(/\bhttps?:\/\//gi, ''), MOST_CHARACTERS)}`
}
