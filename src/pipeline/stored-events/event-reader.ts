import type { PipelineEvent } from '../../contracts/events.js'
import type { RunStore } from '../../contracts/run-store.js'
import { type EventLog, isTerminal } from '../event-log.js'

const PAGE = 1000

/** Copies the events of a run from the log of its store to the log of this process. */
export class EventReader {
  readonly #store: Pick<RunStore, 'readEvents'>
  readonly #id: string
  readonly #log: EventLog
  readonly #onEnd: () => void
  #position = -1
  #reading: Promise<void> | undefined
  #isAgain = false
  #terminal: PipelineEvent | undefined

  /** @param onEnd - Called when the log of the store has a last event. */
  constructor(store: Pick<RunStore, 'readEvents'>, id: string, log: EventLog, onEnd: () => void = ignored) {
    this.#store = store
    this.#id = id
    this.#log = log
    this.#onEnd = onEnd
  }

  /** Whether the log of the store has no event of the run. */
  get isEmpty(): boolean {
    return this.#position < 0
  }

  /** Whether the log of the store has a last event. */
  get hasEnd(): boolean {
    return this.#terminal !== undefined
  }

  /** Copies what is new. Calls at once share the work. Rejects with the error of the store. */
  catchUp({ isLive = true }: { readonly isLive?: boolean } = {}): Promise<void> {
    this.#isAgain = true
    this.#reading ??= this.#read(isLive).finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  /**
   * Shows the last event, once the store says that the run has ended. Until then it is held back, because a run in review may
   * continue.
   */
  showEnd(isLive: boolean): void {
    if (this.#terminal) this.#log.adopt(this.#terminal, { isLive })
  }

  async #read(isLive: boolean): Promise<void> {
    const former = this.#terminal
    while (this.#isAgain) {
      this.#isAgain = false
      const after = Math.max(this.#position, this.#log.newestSequence)
      const events = ((await this.#store.readEvents?.(this.#id, after, PAGE)) ?? []) as unknown as PipelineEvent[]
      for (const event of events) this.#take(event, isLive)
      if (events.length === PAGE) this.#isAgain = true
    }
    if (this.#terminal && this.#terminal !== former) this.#onEnd()
  }

  #take(event: PipelineEvent, isLive: boolean): void {
    this.#position = event.sequence
    this.#terminal = isTerminal(event) ? event : undefined
    if (!this.#terminal) this.#log.adopt(event, { isLive })
  }
}

function ignored(): void {}
