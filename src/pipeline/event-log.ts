import type { EventBase, PipelineEvent, StageProgressed } from '../contracts/events.js'
import type { RunProgress } from './state/run-state.js'

type WithoutBase<E> = E extends PipelineEvent ? Omit<E, keyof EventBase> : never

/** An event before the log has numbered it. */
export type EventBody = WithoutBase<PipelineEvent>

// Progress of one stage that is kept whether anybody reads or not, and the most that a reader who keeps up gets one by one.
// After that one a second is kept, and the second doubles with every thousand: a day of progress is a few thousand events.
const FREE_PROGRESS = 64
const FULL_PROGRESS = 1000

/**
 * What happened in a run, kept for readers that come at any time. All readers see the same events. Progress is the only thing
 * that can come without end, so it alone is coalesced: while nobody waits for it only the latest is kept.
 */
export class EventLog {
  readonly #events: PipelineEvent[] = []
  readonly #readers = new Set<() => void>()
  readonly #base: () => Omit<EventBase, 'sequence'>
  readonly #listen: ((event: PipelineEvent) => void) | undefined
  #latest: EventBody | undefined
  #stageProgress: RunProgress | undefined
  #progressCount = 0
  #progressAt = 0
  #isEnded = false
  #firstSequence = 0

  constructor(base: () => Omit<EventBase, 'sequence'>, listen?: (event: PipelineEvent) => void) {
    this.#base = base
    this.#listen = listen
  }

  /** Numbers events from here; called before the first one. */
  numberFrom(sequence: number): void {
    if (this.#events.length === 0) this.#firstSequence = sequence
  }

  /** Adds an event, after the latest progress that was held back. */
  append(body: Exclude<EventBody, { type: 'stage-progressed' }>): void {
    if (this.#isEnded) return
    this.#flush()
    if (body.type === 'stage-started') {
      this.#progressCount = 0
      this.#stageProgress = undefined
    }
    this.#isEnded = body.type === 'run-completed' || body.type === 'run-failed'
    this.#push(body)
  }

  /** Adds progress, or keeps it as the latest until somebody wants it. */
  progress(body: Omit<StageProgressed, keyof EventBase>): void {
    if (this.#isEnded) return
    this.#latest = body
    const { stage, ratio, phase } = body
    this.#stageProgress = { stage, ...(ratio !== undefined && { ratio }), ...(phase !== undefined && { phase }) }
    if (this.#isDue()) this.#flush()
  }

  /** How far the present stage is; `undefined` before anybody has said so. */
  get latestProgress(): RunProgress | undefined {
    return this.#stageProgress
  }

  /** An iterator over all events from the first, which ends after the terminal one. */
  read(): AsyncIterableIterator<PipelineEvent> {
    let position = 0
    let isDone = false
    let wake: (() => void) | undefined
    const end = () => {
      isDone = true
      if (wake) {
        this.#readers.delete(wake)
        wake()
      }
    }
    const next = async (): Promise<IteratorResult<PipelineEvent>> => {
      while (!isDone) {
        if (position === this.#events.length && this.#latest && this.#isDue(true)) this.#flush()
        const event = this.#events[position]
        if (event) {
          position += 1
          return { done: false, value: event }
        }
        if (this.#isEnded) break
        await new Promise<void>((resolve) => {
          wake = resolve
          this.#readers.add(resolve)
        })
      }
      return { done: true, value: undefined }
    }
    return {
      next,
      return: async () => {
        end()
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  #isDue(isWanted = this.#readers.size > 0 || this.#listen !== undefined): boolean {
    if (this.#progressCount < FREE_PROGRESS) return true
    if (this.#progressCount < FULL_PROGRESS) return isWanted
    const spacingMs = 1000 * 2 ** Math.floor(this.#progressCount / FULL_PROGRESS - 1)
    return isWanted && this.#base().at - this.#progressAt >= spacingMs
  }

  #flush(): void {
    const body = this.#latest
    if (body === undefined) return
    this.#latest = undefined
    this.#progressCount += 1
    this.#push(body)
    this.#progressAt = this.#events.at(-1)?.at ?? 0
  }

  #push(body: EventBody): void {
    const { runId, at } = this.#base()
    const { type, ...rest } = body
    const event = { type, runId, sequence: this.#firstSequence + this.#events.length, at, ...rest } as PipelineEvent
    this.#events.push(event)
    for (const wake of this.#readers) wake()
    this.#readers.clear()
    this.#listen?.(event)
  }
}
