import type { PipelineEvent } from '../contracts/events.js'
import { answerContent } from './answer-content.js'
import type { ChatCompletionSettings } from './chat-completion-options.js'
import { type ChatCompletionUsage, chatCompletionUsage } from './chat-completion-usage.js'
import { type FormattableRun, type RunEnd, resultAtEnd } from './formattable-run.js'
import type { Steps, StepTaker } from './paced-steps.js'
import { wellFormed } from './plain-text.js'
import { type ProgressLine, ProgressLines } from './progress-line.js'

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
export class ChatParts implements Steps<ChatPart> {
  readonly #run: FormattableRun
  readonly #settings: ChatCompletionSettings
  readonly #lines: ProgressLines
  #events: AsyncIterator<PipelineEvent> | undefined
  #usage: ChatCompletionUsage | undefined
  #phase: 'new' | 'events' | 'answered' | 'over' = 'new'
  #taker: StepTaker<ChatPart> | undefined

  constructor(run: FormattableRun, settings: ChatCompletionSettings) {
    this.#run = run
    this.#settings = settings
    this.#lines = new ProgressLines(settings.texts)
  }

  /** Reads the next part. Fails once with the failure of the run, and has no more parts then. */
  read(taker: StepTaker<ChatPart>): void {
    this.#taker = taker
    switch (this.#phase) {
      case 'new':
        this.#begin()
        return
      case 'events':
        this.#readEvent()
        return
      case 'answered':
        this.#phase = 'over'
        this.#give(this.#usage === undefined ? DONE : { done: false, value: { usage: this.#usage } })
        return
      case 'over':
        this.#give(DONE)
    }
  }

  /** The reader leaves. A read that waits ends. */
  async leave(): Promise<void> {
    this.#phase = 'over'
    await this.#events?.return?.()
  }

  #give(step: Step): void {
    const taker = this.#taker
    this.#taker = undefined
    taker?.onStep(step)
  }

  #begin(): void {
    this.#phase = 'events'
    try {
      this.#events = this.#run[Symbol.asyncIterator]()
    } catch (error) {
      this.#phase = 'over'
      this.#taker?.onFailure(error)
      return
    }
    if (this.#settings.role === 'omit') this.#readEvent()
    else this.#give({ done: false, value: { field: 'role', text: 'assistant', finish: null } })
  }

  #readEvent(): void {
    try {
      // Also of events that are no promise.
      Promise.resolve((this.#events as AsyncIterator<PipelineEvent>).next()).then(this.#onEvent, this.#onFailure)
    } catch (error) {
      this.#onFailure(error)
    }
  }

  readonly #onEvent = (step: IteratorResult<PipelineEvent, unknown>): void => {
    let outcome: string | RunEnd | undefined
    try {
      outcome = this.#outcomeOf(step)
    } catch (error) {
      // What it read is no event.
      outcome = { type: 'events-failed', error }
    }
    if (outcome === undefined) this.#readEvent()
    else if (typeof outcome === 'object') void this.#answer(outcome)
    else this.#give({ done: false, value: { field: this.#field, text: outcome, finish: null } })
  }

  readonly #onFailure = (error: unknown): void => {
    void this.#answer({ type: 'events-failed', error })
  }

  async #answer(end: RunEnd): Promise<void> {
    let step: Step
    try {
      step = await this.#answerOf(await this.#closed(end))
    } catch (error) {
      this.#taker?.onFailure(error)
      return
    }
    this.#give(step)
  }

  async #closed(end: RunEnd): Promise<RunEnd> {
    if (end.type === 'events-ended' || end.type === 'events-failed') return end
    try {
      await this.#events?.return?.()
      return end
    } catch (error) {
      return { type: 'events-failed', error }
    }
  }

  async #answerOf(end: RunEnd): Promise<Step> {
    if (this.#phase === 'over') return DONE
    // A failure of the run leaves nothing to read.
    this.#phase = 'over'
    const result = await resultAtEnd(this.#run, end)
    const { content, usage } = this.#settings
    const text = answerContent(content, result)
    if (usage === 'include') this.#usage = chatCompletionUsage(result)
    this.#phase = 'answered'
    return { done: false, value: { field: 'content', text, finish: 'stop' } }
  }

  #outcomeOf({ done, value: event }: IteratorResult<PipelineEvent, unknown>): string | RunEnd | undefined {
    if (done === true) return { type: 'events-ended' }
    const { type } = event
    return type === 'run-completed' || type === 'run-failed' ? event : this.#textOf(event)
  }

  get #field(): 'content' | 'reasoning_content' {
    return this.#settings.progress === 'reasoning_content' ? 'reasoning_content' : 'content'
  }

  #textOf(event: PipelineEvent): string | undefined {
    if (this.#settings.progress === 'none') return undefined
    try {
      const line = this.#lines.next(event)
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
