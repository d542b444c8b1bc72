import type { ChatCompletionChunk, ChatCompletionChunkDelta, ChatCompletionChunks } from './chat-completion-chunk.js'
import type { ChatCompletionSettings } from './chat-completion-options.js'
import { type ChatPart, ChatParts } from './chat-parts.js'
import type { FormattableRun } from './formattable-run.js'
import { readNext, type Steps, type StepTaker } from './paced-steps.js'
import { originOf } from './to-chat-completion-chunks.js'

/** Chunks that become frames. */
export interface ChunkFrames<T> extends Steps<T> {
  /** Whether more of the answer follows, and the form of its chunks is known. */
  readonly isOpen: boolean
  /** The frame of what was read. Throws for custom chunks that are not JSON. */
  frameOf(item: T): string
  /** A frame in the form of those before it; `undefined` if it is not open. */
  frameWith(delta: ChatCompletionChunkDelta): string | undefined
  /** Ends the reading, without waiting for the end. */
  stop(): void
}

/** The frames of chunks. */
export function chunkFrames(chunks: AsyncIterable<ChatCompletionChunk> | ChatCompletionChunks): ChunkFrames<unknown> {
  const origin = originOf(chunks)
  return (origin ? new OwnFrames(origin.run, origin.settings) : new CustomFrames(chunks)) as ChunkFrames<unknown>
}

/** A value as the data of a frame: JSON has no raw line end, so no text can break out of it. */
export function dataFrame(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

const CHOICE = '{"index":0,"delta":'
const AFTER_BEGIN = '""}]}'
const [PLAIN_END, PLAIN_STOP] = [',"finish_reason":null}]}\n\n', ',"finish_reason":"stop"}]}\n\n']
const [COUNTED_END, COUNTED_STOP] = [
  ',"finish_reason":null}],"usage":null}\n\n',
  ',"finish_reason":"stop"}],"usage":null}\n\n',
]

/** Frames of a run. All but the text in between is the same for the whole stream. */
class OwnFrames implements ChunkFrames<ChatPart> {
  readonly #parts: ChatParts
  /** A chunk up to the delta of its choice; a part of one flat text, because every frame copies it. */
  readonly #begin: string
  readonly #isCounted: boolean
  isOpen = true

  constructor(run: FormattableRun, settings: ChatCompletionSettings) {
    const { id, created, model, usage } = settings
    this.#parts = new ChatParts(run, settings)
    const choices = [{ index: 0, delta: '' }]
    const chunk = JSON.stringify({ id, object: 'chat.completion.chunk', created, model, choices })
    this.#begin = chunk.slice(0, -AFTER_BEGIN.length)
    this.#isCounted = usage === 'include'
  }

  read(taker: StepTaker<ChatPart>): void {
    this.#parts.read(taker)
  }

  frameOf(part: ChatPart): string {
    if ('usage' in part)
      return `data: ${this.#begin.slice(0, -CHOICE.length)}],"usage":${JSON.stringify(part.usage)}}\n\n`
    if (part.finish !== null) this.isOpen = false
    return this.#frame(`{"${part.field}":${JSON.stringify(part.text)}}`, part.finish)
  }

  frameWith(delta: ChatCompletionChunkDelta): string | undefined {
    return this.isOpen ? this.#frame(JSON.stringify(delta), null) : undefined
  }

  stop(): void {
    this.#parts.leave().catch(() => undefined) // A failure has no reader left.
  }

  #frame(delta: string, finish: 'stop' | null): string {
    const [end, stop] = this.#isCounted ? [COUNTED_END, COUNTED_STOP] : [PLAIN_END, PLAIN_STOP]
    return `data: ${this.#begin}${delta}${finish === null ? end : stop}`
  }
}

/** Frames of chunks that anything else made. */
class CustomFrames implements ChunkFrames<ChatCompletionChunk> {
  readonly #chunks: AsyncIterable<ChatCompletionChunk>
  #iterator: AsyncIterator<ChatCompletionChunk> | undefined
  #form: ChatCompletionChunk | undefined

  constructor(chunks: AsyncIterable<ChatCompletionChunk> | ChatCompletionChunks) {
    this.#chunks = chunks
    this.#form = 'emptyChunk' in chunks ? chunks.emptyChunk : undefined
  }

  get isOpen(): boolean {
    return this.#form !== undefined
  }

  read(taker: StepTaker<ChatCompletionChunk>): void {
    readNext(() => {
      this.#iterator ??= this.#chunks[Symbol.asyncIterator]()
      return this.#iterator.next()
    }, taker)
  }

  frameOf(chunk: ChatCompletionChunk): string {
    const frame = dataFrame(chunk)
    this.#form = chunk.choices[0]?.finish_reason === null ? chunk : undefined
    return frame
  }

  frameWith(delta: ChatCompletionChunkDelta): string | undefined {
    return this.#form && dataFrame({ ...this.#form, choices: [{ index: 0, delta, finish_reason: null }] })
  }

  // An async generator settles only after its current step, which may never end; a failure has no reader left.
  stop(): void {
    const stop = async () => this.#iterator?.return?.()
    stop().catch(() => undefined)
  }
}
