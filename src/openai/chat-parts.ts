import type { PipelineEvent } from '../contracts/events.js'
import { answerContent } from './answer-content.js'
import type { ChatCompletionSettings } from './chat-completion-options.js'
import { type ChatCompletionUsage, chatCompletionUsage } from './chat-completion-usage.js'
import { type FormattableRun, type RunEnd, resultAtEnd } from './formattable-run.js'
import { wellFormed } from './plain-text.js'
import { NOTHING_SAID, nextProgressLine, type ProgressLine, type ProgressState } from './progress-line.js'

/** What one chunk of a stream adds: the only field of its delta, or the usage. */
export type ChatPart =
  | {
      readonly field: 'role' | 'content' | 'reasoning_content'
      readonly text: string
      readonly finish: 'stop' | null
    }
  | { readonly usage: ChatCompletionUsage }

type Step = IteratorResult<ChatPart, undefined>

const DONE: Step = { done: true, value: undefined }

/** The parts of a run, read one by one while it continues. */
export class ChatParts {
  readonly #run: FormattableRun
  readonly #settings: ChatCompletionSettings
  #events: AsyncIterator<PipelineEvent> | undefined
  #state: ProgressState = NOTHING_SAID
  #usage: ChatCompletionUsage | undefined
  #phase: 'new' | 'events' | 'answered' | 'over' = 'new'

  constructor(run: FormattableRun, settings: ChatCompletionSettings) {
    this.#run = run
    this.#settings = settings
  }

  /** Reads the next part. Rejects once with the failure of the run, and has no more parts then. */
  read(): Promise<Step> {
    switch (this.#phase) {
      case 'new':
        return this.#begin()
      case 'events':
        return this.#readEvents()
      case 'answered':
        this.#phase = 'over'
        return Promise.resolve(this.#usage === undefined ? DONE : { done: false, value: { usage: this.#usage } })
      case 'over':
        return Promise.resolve(DONE)
    }
  }

  /** The reader leaves. A read that waits ends. */
  async leave(): Promise<void> {
    this.#phase = 'over'
    await this.#events?.return?.()
  }

  #begin(): Promise<Step> {
    this.#phase = 'events'
    this.#events = this.#run[Symbol.asyncIterator]()
    // The caller may not await the result, and a rejection can come before the last event is read.
    this.#run.result?.then(undefined, () => undefined)
    if (this.#settings.role === 'omit') return this.#readEvents()
    return Promise.resolve({ done: false, value: { field: 'role', text: 'assistant', finish: null } })
  }

  async #readEvents(): Promise<Step> {
    let end: RunEnd
    try {
      for (;;) {
        const step = await (this.#events as AsyncIterator<PipelineEvent>).next()
        if (step.done === true) {
          end = { type: 'events-ended' }
          break
        }
        const event = step.value
        if (event.type === 'run-completed' || event.type === 'run-failed') {
          end = event
          await this.#events?.return?.()
          break
        }
        const text = this.#textOf(event)
        if (text !== undefined) return { done: false, value: { field: this.#field, text, finish: null } }
      }
    } catch (error) {
      end = { type: 'events-failed', error }
    }
    return this.#phase === 'over' ? DONE : this.#answer(end)
  }

  async #answer(end: RunEnd): Promise<Step> {
    // A failure of the run leaves nothing to read.
    this.#phase = 'over'
    const result = await resultAtEnd(this.#run, end)
    const { content, usage } = this.#settings
    const text = answerContent(content, result)
    if (usage === 'include') this.#usage = chatCompletionUsage(result)
    this.#phase = 'answered'
    return { done: false, value: { field: 'content', text, finish: 'stop' } }
  }

  get #field(): 'content' | 'reasoning_content' {
    return this.#settings.progress === 'reasoning_content' ? 'reasoning_content' : 'content'
  }

  #textOf(event: PipelineEvent): string | undefined {
    const { texts, progress } = this.#settings
    if (progress === 'none') return undefined
    try {
      const { state, line } = nextProgressLine(this.#state, event, texts)
      this.#state = state
      return line && wellFormed(line.text) + lineEnd(this.#settings, line)
    } catch {
      return undefined // A text function of the caller threw: its line is lost, but not the paid video.
    }
  }
}

// The five steps of the format have no line feed; without one, a client that joins contents would join the notes and the URL.
function lineEnd({ progress, content, texts }: ChatCompletionSettings, { kind }: ProgressLine): string {
  if (progress === 'reasoning_content') return '\n'
  if (typeof content === 'string' && content !== 'url') return '\n\n'
  return kind === 'step' ? (texts.lineEnd ?? '') : '\n'
}
