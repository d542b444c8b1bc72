import type { EventBase, PipelineEvent, StageProgressed } from '../contracts/events.js'
import type { RunProgress } from './state/run-state.js'

type WithoutBase<E> = E extends PipelineEvent ? Omit<E, keyof EventBase> : never

/** An event before it has a number. */
export type EventBody = WithoutBase<PipelineEvent>

// Number of progress events of one stage that are all kept, also without a reader. After that, one event a second is kept, and
// the interval doubles with every thousand: a day of progress is a few thousand events.
const FREE_PROGRESS = 64
const FULL_PROGRESS = 1000

/**
 * The events of a run, kept for readers that start at any time. All readers see the same events. Only progress is unbounded, so
 * only progress is coalesced: while no reader waits for it, only the latest is kept.
 */
export class EventLog {
  readonly #events: PipelineEvent[] = []
  /** Readers that wait for an event; most runs have none. */
  #readers: Set<() => void> | undefined
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

  /** Sets the number of the first event; called before it. */
  numberFrom(sequence: number): void {
    if (this.#events.length === 0) this.#firstSequence = sequence
  }

  /** Adds an event, after the latest pending progress. */
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
    let position = 0
    let isDone = false
    let wake: (() => void) | undefined
    const end = () => {
      isDone = true
      if (wake) {
        this.#readers?.delete(wake)
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
          this.#readers ??= new Set()
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

  #isDue(isWanted = (this.#readers?.size ?? 0) > 0 || this.#listen !== undefined): boolean {
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
    const sequence = this.#firstSequence + this.#events.length
    const event = Object.assign({ type: body.type, runId, sequence, at }, body) as PipelineEvent
    this.#events.push(event)
    for (const wake of this.#readers ?? []) wake()
    this.#readers?.clear()
    this.#listen?.(event)
  }
}
