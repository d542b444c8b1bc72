import type { Clock } from '../contracts/clock.js'
import type { ChatCompletionChunk, ChatCompletionChunks } from './chat-completion-chunk.js'
import { PacedSteps } from './paced-steps.js'
import { plainLine } from './plain-text.js'
import { silenceTimer } from './silence-timer.js'
import { type SseHeartbeat, sseHeartbeat } from './sse-heartbeat.js'
import type { SseSource } from './sse-source.js'
import { type OpenAiErrorBody, toOpenAiError } from './to-openai-error.js'

/** Options of `toSse` with every default filled in; `heartbeatMs` is `Infinity` for none. */
export interface ChunkSourceOptions {
  readonly heartbeatMs: number
  readonly errorContent: 'include' | 'omit'
  readonly runId: string | undefined
  readonly onCancel: ((reason: unknown) => void) | undefined
  readonly clock: Clock
}

const DONE = 'data: [DONE]\n\n'

/** Chunks as server-sent events, with heartbeats and an end, as `toSse` describes. */
export class ChunkSource implements SseSource {
  readonly #chunks: AsyncIterable<ChatCompletionChunk>
  readonly #options: ChunkSourceOptions
  readonly #heartbeat: SseHeartbeat
  readonly #steps: PacedSteps<ChatCompletionChunk>
  #iterator: AsyncIterator<ChatCompletionChunk> | undefined

  constructor(chunks: AsyncIterable<ChatCompletionChunk> | ChatCompletionChunks, options: ChunkSourceOptions) {
    const { heartbeatMs: everyMs, clock } = options
    this.#chunks = chunks
    this.#options = options
    this.#heartbeat = sseHeartbeat({ everyMs, form: 'emptyChunk' in chunks ? chunks.emptyChunk : undefined, clock })
    const { dueInMs } = this.#heartbeat
    this.#steps = new PacedSteps({ read: () => this.#read(), everyMs, dueInMs, timer: silenceTimer(clock) })
  }

  async pull(send: (frames: string) => void): Promise<boolean> {
    const arrival = await this.#steps.next()
    switch (arrival.kind) {
      case 'ended':
        return false
      case 'silence':
        send(frame(this.#heartbeat.beat() ?? {}))
        return true
      case 'failure':
        return this.#end(send, arrival)
      case 'step':
        return arrival.step.done === true ? this.#end(send) : this.#sendChunk(send, arrival.step.value)
    }
  }

  cancel(reason: unknown): void {
    this.#steps.end()
    try {
      this.#options.onCancel?.(reason)
    } finally {
      this.#stopReading()
    }
  }

  async #read(): Promise<IteratorResult<ChatCompletionChunk, unknown>> {
    this.#iterator ??= this.#chunks[Symbol.asyncIterator]()
    return this.#iterator.next()
  }

  #sendChunk(send: (frames: string) => void, chunk: ChatCompletionChunk): boolean {
    try {
      send(frame(chunk))
      this.#heartbeat.chunkSent(chunk)
      return true
    } catch (error) {
      // Custom chunks that are not JSON end the stream like chunks that throw.
      this.#stopReading()
      return this.#end(send, { error })
    }
  }

  #end(send: (frames: string) => void, failure?: { readonly error: unknown }): false {
    this.#steps.end()
    if (failure !== undefined) {
      const { errorContent, runId } = this.#options
      const { error } = toOpenAiError(failure.error).body
      const said = errorContent === 'include' ? this.#heartbeat.chunkWith({ content: failureLine(error) }) : undefined
      if (said !== undefined) send(frame(said))
      send(frame({ error: { ...error, ...(runId !== undefined && { run_id: runId }) } }))
    }
    send(DONE)
    return false
  }

  // An async generator settles only after its current step, which may never end; a failure has no reader left.
  #stopReading(): void {
    const stop = async () => this.#iterator?.return?.()
    stop().catch(() => undefined)
  }
}

function frame(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

// On its own line below the earlier text. A URL in it must not be mistaken for that of the video.
function failureLine({ message }: OpenAiErrorBody): string {
  return `\n❌ ${plainLine(message.replace(/\bhttps?:\/\//gi, ''))}`
}
