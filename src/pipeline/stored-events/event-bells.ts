import type { EventSubscription, RunStore } from '../../contracts/run-store.js'
import { backgroundClock, startTimer } from '../../timing/system-clock.js'
import type { QueuedTimer } from '../../timing/timer-queue.js'

const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000

/** Called when a run may have new events. */
export type RingBell = () => void

const bells = new WeakMap<RunStore, EventBells>()

/** The bells of a store in this process. */
export function bellsOf(store: RunStore): EventBells {
  let found = bells.get(store)
  if (found === undefined) {
    found = new EventBells(store)
    bells.set(store, found)
  }
  return found
}

/** Hears of new events of any number of runs, on one connection that is open while runs are followed. */
export class EventBells {
  readonly #store: RunStore
  readonly #byRun = new Map<string, Set<RingBell>>()
  #opened: Promise<EventSubscription> | undefined
  #retry: QueuedTimer | undefined

  constructor(store: RunStore) {
    this.#store = store
  }

  /** Calls `ring` for new events of a run, from now on; also after calls may have been missed. Returns the end of that. */
  hear(id: string, ring: RingBell): () => void {
    const rings = this.#byRun.get(id) ?? new Set()
    this.#byRun.set(id, rings.add(ring))
    if (this.#opened === undefined && this.#retry === undefined) this.#open(FIRST_PAUSE_MS)
    return () => {
      rings.delete(ring)
      if (rings.size > 0 || this.#byRun.get(id) !== rings) return
      this.#byRun.delete(id)
      if (this.#byRun.size === 0) this.#close()
    }
  }

  #open(pauseMs: number): void {
    this.#retry = undefined
    const opened = this.#subscribe()
    this.#opened = opened
    opened.then(
      // Events may have come before the subscription.
      () => this.#ring(undefined),
      () => {
        if (this.#opened !== opened) return
        this.#opened = undefined
        const again = () => this.#open(Math.min(2 * pauseMs, LONGEST_PAUSE_MS))
        this.#retry = startTimer(backgroundClock, pauseMs, again)
      },
    )
  }

  async #subscribe(): Promise<EventSubscription> {
    const subscription = await this.#store.followEvents?.((id) => this.#ring(id))
    return subscription ?? { close: async () => undefined }
  }

  #close(): void {
    this.#retry?.stop()
    this.#retry = undefined
    const opened = this.#opened
    this.#opened = undefined
    opened?.then((subscription) => subscription.close()).catch(ignored)
  }

  #ring(id: string | undefined): void {
    const all = id === undefined ? [...this.#byRun.values()] : [this.#byRun.get(id) ?? []]
    for (const rings of all) for (const ring of rings) ring()
  }
}

function ignored(): void {}
