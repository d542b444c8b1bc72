import type { Clock } from '../contracts/clock.js'
import type { PipelineEvent } from '../contracts/events.js'
import { RecordedError } from '../contracts/recorded-error.js'
import { PacedSteps, readNext, type StepTaker, type Waiter } from './paced-steps.js'
import type { SseSink, SseSource } from './sse-source.js'
import { toOpenAiError } from './to-openai-error.js'

const KEEP_ALIVE = ': keep-alive\n\n'
const END = '-end'

/** Whether an id of an event is that of the last one. */
export function isLastId(id: string): boolean {
  return id.endsWith(END)
}

/** Options of {@link EventFrames}. */
export interface Framing {
  readonly events: AsyncIterator<PipelineEvent>
  readonly lastId: string
  /** `Infinity` for none. */
  readonly heartbeatMs: number
  readonly clock: Clock
  /** Whether a run that this process no longer works on is unfinished. */
  readonly isRunning: () => Promise<boolean>
  /** The reader leaves before the end. */
  readonly onCancel?: ((reason: unknown) => void) | undefined
}

/**
 * The typed events of a run as server-sent events, with ids. Pulled by the reader: nothing is read ahead, so that progress is
 * coalesced for a slow one.
 */
export class EventFrames implements SseSource, Waiter<PipelineEvent> {
  readonly #framing: Framing
  readonly #steps: PacedSteps<PipelineEvent>
  #sink: SseSink | undefined
  #sequenceId: string | undefined
  #isOpen = false

  constructor(framing: Framing) {
    const { events, heartbeatMs: everyMs, clock } = framing
    this.#framing = framing
    const steps = { read: (taker: StepTaker<PipelineEvent>) => readNext(() => events.next(), taker) }
    this.#steps = new PacedSteps(steps, { everyMs, clock }, this)
  }

  pull(sink: SseSink): void {
    this.#sink = sink
    if (this.#isOpen) this.#steps.wait()
    else {
      this.#isOpen = true
      this.#give(KEEP_ALIVE)
    }
  }

  cancel(reason: unknown): void {
    this.#sink = undefined
    this.#steps.end()
    const { events } = this.#framing
    const stop = async () => events.return?.()
    // Its failure has no reader left.
    stop().catch(() => undefined)
    this.#framing.onCancel?.(reason)
  }

  onStep({ done, value: event }: IteratorResult<PipelineEvent, unknown>): void {
    if (done === true) this.#end()
    else if (isLeft(event)) void this.#giveUnlessRunning(event)
    else this.#giveEvent(event)
  }

  onFailure(error: unknown): void {
    this.#steps.end()
    this.#sink?.fail(error)
  }

  onSilence(): void {
    this.#give(KEEP_ALIVE)
  }

  async #giveUnlessRunning(event: PipelineEvent): Promise<void> {
    if (await this.#framing.isRunning()) this.#end()
    else this.#giveEvent(event)
  }

  #giveEvent(event: PipelineEvent): void {
    // Identifies the sequence of events: without an event log in the store, another process has its own.
    this.#sequenceId ??= event.at.toString(36)
    if (event.sequence > seenOf(this.#framing.lastId, this.#sequenceId)) this.#give(frame(event, this.#sequenceId))
    else this.#steps.wait()
  }

  #give(text: string): void {
    this.#steps.sent()
    this.#sink?.take(text, false)
  }

  #end(): void {
    this.#steps.end()
    this.#sink?.take('', true)
  }
}

/** An event without the messages of a store that failed: they name directories and servers. */
function forClients(event: PipelineEvent): PipelineEvent {
  if (event.type === 'warning' && event.code === 'store-unavailable') {
    return { ...event, message: 'Could not save or read the run, the store of this server failed' }
  }
  if (event.type !== 'run-failed' || event.error.reason === undefined) return event
  const { reason: _reason, cause: _cause, ...error } = event.error
  return { ...event, error: { ...error, message: toOpenAiError(new RecordedError(event.error)).body.error.message } }
}

/** Whether this process has stopped, rather than the run. */
function isLeft(event: PipelineEvent): boolean {
  if (event.type !== 'run-failed') return false
  const { code, isRetryable } = event.error
  return code === 'run-fenced' || (code === 'run-state' && isRetryable)
}

// The last frame that was made: of many readers of a run, each gets the same one.
let latest: { readonly event: PipelineEvent; readonly sequenceId: string; readonly frame: string } | undefined

// The id and the type have a fixed alphabet, and JSON has no raw line end: no text can break out of its frame.
function frame(event: PipelineEvent, sequenceId: string): string {
  if (latest?.event === event && latest.sequenceId === sequenceId) return latest.frame
  const isLast = event.type === 'run-completed' || event.type === 'run-failed'
  const id = `${sequenceId}-${event.sequence}${isLast ? END : ''}`
  const text = `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(forClients(event))}\n\n`
  latest = { event, sequenceId, frame: text }
  return text
}

function seenOf(lastId: string, sequenceId: string): number {
  const [, of, sequence] = /^([0-9a-z]+)-(\d{1,15})(?:-end)?$/.exec(lastId) ?? []
  return of === sequenceId ? Number(sequence) : -1
}
