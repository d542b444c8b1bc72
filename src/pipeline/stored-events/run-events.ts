import { startTimer } from '../../timing/system-clock.js'
import type { QueuedTimer } from '../../timing/timer-queue.js'
import type { EventLog } from '../event-log.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { bellsOf } from './event-bells.js'
import { EventReader } from './event-reader.js'
import { EventWriter } from './event-writer.js'

/** Options of the stored events of a run. */
export interface RunEventsOptions {
  readonly config: PipelineConfig
  readonly id: string
  readonly log: EventLog
  /** Called when the log of the store has a last event. */
  readonly onEnd: () => void
}

/**
 * The events of a run that is open in this process, as the store has them: while this process works on the run it writes them,
 * otherwise it reads those of the process that does.
 */
export class RunEvents {
  readonly #log: EventLog
  readonly #config: PipelineConfig
  readonly #id: string
  readonly #writer: EventWriter
  readonly #reader: EventReader
  #stopHearing: (() => void) | undefined
  #isPublishing = false
  /** Whether the first events of the run are of this process, and are not in the store yet. */
  #isBeginning = false

  constructor({ config, id, log, onEnd }: RunEventsOptions) {
    this.#config = config
    this.#id = id
    this.#log = log
    const { store, clock, eventWrites: writes } = config
    this.#writer = new EventWriter({ id, store, clock, writes, onFailure: () => log.append(WARNING) })
    this.#reader = new EventReader(config.store, id, log, onEnd)
  }

  /** Whether the store has events of the run. */
  get hasLog(): boolean {
    return !this.#reader.isEmpty
  }

  /** Shows what happened before this process opened the run; a store that fails shows nothing. */
  async replay(isEnded: boolean): Promise<void> {
    await this.#reader.catchUp({ isLive: false }).catch(ignored)
    if (isEnded) this.#reader.showEnd(false)
  }

  /** From now on this process works on the run, and numbers its events from `sequence`. Resolves to whether that is new. */
  async publish(sequence: number): Promise<boolean> {
    if (this.#isPublishing) return false
    await this.#reader.catchUp().catch(ignored)
    const isBeginning = this.#isBeginning
    const isNew = !isBeginning && sequence > this.#log.newestSequence
    this.#log.numberFrom(sequence)
    this.publishFrom(isBeginning ? 0 : sequence)
    return isNew
  }

  /** The events so far are the first of the run: they are written once this process has the run. */
  beginHere(): void {
    this.#isBeginning = true
  }

  /** Another process has worked on the run, and has written its first events. */
  beganElsewhere(): void {
    this.#isBeginning = false
  }

  /** Writes the events that are numbered from `sequence`; without it, those that follow. */
  publishFrom(sequence = this.#isBeginning ? 0 : undefined): void {
    this.#isPublishing = true
    this.#isBeginning = false
    this.#log.publishTo((event) => this.#writer.add(event), sequence)
  }

  /** Another process works on the run now. */
  withhold(): void {
    this.#isPublishing = false
    this.#isBeginning = false
    this.#log.publishTo(undefined)
  }

  /** Reads events of another process as they come, until `unfollow`. */
  follow(): void {
    const read = () => {
      this.#reader.catchUp().catch(ignored) // The next bell, or the next look at the run, reads again.
    }
    this.#stopHearing ??= bellsOf(this.#config.rawStore).hear(this.#id, read)
  }

  unfollow(): void {
    this.#stopHearing?.()
    this.#stopHearing = undefined
  }

  /** Resolves when the events are in the store, at the latest after some milliseconds. */
  async flushed(withinMs: number): Promise<void> {
    let timer: QueuedTimer | undefined
    const late = new Promise<void>((resolve) => {
      timer = startTimer(this.#config.clock, withinMs, resolve)
    })
    await Promise.race([this.#writer.flushed(), late])
    timer?.stop()
  }

  /** Reads the rest; the last event only if the run has ended. */
  async catchUp(isEnded: boolean): Promise<void> {
    await this.#reader.catchUp().catch(ignored)
    if (isEnded) this.#reader.showEnd(true)
  }
}

const WARNING = {
  type: 'warning',
  code: 'events-not-stored',
  message: 'Could not save events of the run, the store failed; other processes show them late or not at all',
} as const

/** The stored events of a run; `undefined` if the store has no event log. */
export function runEventsOf(options: RunEventsOptions): RunEvents | undefined {
  return options.config.store.appendEvents === undefined ? undefined : new RunEvents(options)
}

function ignored(): void {}
