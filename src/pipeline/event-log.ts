import type { EventBase, PipelineEvent, StageProgressed } from '../contracts/events.js'
import { EventReader, type ReadableLog } from './event-reader.js'
import type { RunProgress } from './state/run-state.js'

type WithoutBase<E> = E extends PipelineEvent ? Omit<E, keyof EventBase> : never

/** An event before it has a number. */
export type EventBody = WithoutBase<PipelineEvent>

/** Receives the events of one run as they happen. */
export interface EventListener {
  /** Whether it wants every progress event, as a reader that waits does. */
  readonly isEager: boolean
  /** An event of the work of this process. */
  hear(event: PipelineEvent): void
  /** An event of another process that works on the run. */
  relay(event: PipelineEvent): void
}

// Number of progress events of one stage that are all kept, also without a reader. After that, one event a second is kept, and
// the interval doubles with every thousand: a day of progress is a few thousand events.
const FREE_PROGRESS = 64
const FULL_PROGRESS = 1000
/** Interval of the progress that other processes see. */
export const PUBLISHED_PROGRESS_MS = 1000

/**
 * The events of a run, kept for readers that start at any time. All readers see the same events. Only progress is unbounded, so
 * only progress is coalesced: while no reader waits for it, only the latest is kept.
 */
export class EventLog implements ReadableLog {
  readonly #events: PipelineEvent[] = []
  /** Readers that wait for an event. */
  #readers: EventReader[] = []
  readonly #base: () => Omit<EventBase, 'sequence'>
  readonly #listener: EventListener | undefined
  #latest: EventBody | undefined
  #stageProgress: RunProgress | undefined
  #progressCount = 0
  #progressAt = 0
  #isEnded = false
  #nextSequence = 0
  /** Where the events of this process go besides the readers; set while it works on the run. */
  #publish: ((event: PipelineEvent) => void) | undefined

  constructor(base: () => Omit<EventBase, 'sequence'>, listener?: EventListener) {
    this.#base = base
    this.#listener = listener
  }

  /** Sets the least number of the next event. */
  numberFrom(sequence: number): void {
    this.#nextSequence = Math.max(this.#nextSequence, sequence)
  }

  /** Number of the newest event; -1 before the first. */
  get newestSequence(): number {
    return this.#events.at(-1)?.sequence ?? -1
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** From now on, passes each new event on, and now those that are numbered from `sequence`; without a function, no longer. */
  publishTo(publish: ((event: PipelineEvent) => void) | undefined, sequence = this.#nextSequence): void {
    this.#publish = publish
    if (publish === undefined) return
    for (const event of this.#events) if (event.sequence >= sequence) publish(event)
  }

  /**
   * Adds an event of another process with its number. An event that is not above the newest one is ignored. Readers see it;
   * `onEvent` only if it is `live`.
   */
  adopt(event: PipelineEvent, { isLive }: { readonly isLive: boolean }): void {
    if (this.#isEnded || event.sequence < this.#nextSequence) return
    this.#latest = undefined
    this.#isEnded = isTerminal(event)
    this.#add(event)
    if (isLive) this.#listener?.relay(event)
  }

  /** Adds an event, after the latest pending progress. */
  append(body: Exclude<EventBody, { type: 'stage-progressed' }>): void {
    if (this.#isEnded) return
    this.#flush()
    if (body.type === 'stage-started') {
      this.#progressCount = 0
      this.#stageProgress = undefined
    }
    this.#isEnded = isTerminal(body)
    this.#push(body)
  }

  /** Adds progress, or keeps it as pending until a reader waits for it. */
  progress(body: Omit<StageProgressed, keyof EventBase>): void {
    if (this.#isEnded) return
    this.#latest = body
    const { stage, ratio, phase } = body
    this.#stageProgress = { stage, ...(ratio !== undefined && { ratio }), ...(phase !== undefined && { phase }) }
    if (this.#isDue()) this.#flush()
  }

  /** Progress of the current stage; `undefined` before the first report. */
  get latestProgress(): RunProgress | undefined {
    return this.#stageProgress
  }

  /** An iterator over all events from the first, which ends after the terminal one. */
  read(): AsyncIterableIterator<PipelineEvent> {
    return new EventReader(this)
  }

  /** The event at a position, for a reader that wants it: the latest progress is kept then. */
  at(position: number): PipelineEvent | undefined {
    if (position === this.#events.length && this.#latest && this.#isDue(true)) this.#flush()
    return this.#events[position]
  }

  /** Wakes the reader once, when the next event is there. */
  await(reader: EventReader): void {
    this.#readers.push(reader)
  }

  /** The reader no longer waits. */
  leave(reader: EventReader): void {
    this.#readers = this.#readers.filter((other) => other !== reader)
  }

  #isDue(isRead = this.#readers.length > 0): boolean {
    if (this.#progressCount < FREE_PROGRESS) return true
    const isWanted = isRead || this.#listener?.isEager === true || this.#isPublishable()
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
    const event = Object.assign({ type: body.type, runId, sequence: this.#nextSequence, at }, body) as PipelineEvent
    this.#add(event)
    this.#publish?.(event)
    this.#listener?.hear(event)
  }

  #add(event: PipelineEvent): void {
    this.#nextSequence = event.sequence + 1
    this.#events.push(event)
    if (this.#readers.length === 0) return
    const readers = this.#readers
    this.#readers = []
    for (const reader of readers) reader.wake()
  }

  #isPublishable(): boolean {
    return this.#publish !== undefined && this.#base().at - this.#progressAt >= PUBLISHED_PROGRESS_MS
  }
}

/** Whether an event is the last one of a run. */
export function isTerminal({ type }: Pick<PipelineEvent, 'type'>): boolean {
  return type === 'run-completed' || type === 'run-failed'
}
