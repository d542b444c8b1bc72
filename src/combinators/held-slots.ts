import type { AdmissionContext } from '../calling/generator-routes.js'
import { toErrorJson } from '../contracts/errors.js'
import type { RunStore, SlotMethod } from '../contracts/run-store.js'
import type { SlotAnswer, SlotTerms } from '../contracts/shared-slots.js'
import { backgroundOf, startTimer } from '../timing/system-clock.js'

/** A store that keeps the places of limits. */
export type SlotStore = Required<Pick<RunStore, SlotMethod>>

interface Held {
  /** Two sessions of one run may hold its place. */
  count: number
  readonly context: AdmissionContext
}

/** The places in a shared store that jobs of this process hold. All places of a limit are extended in one operation. */
export class HeldSlots {
  readonly #store: SlotStore
  readonly #leaseMs: number
  readonly #limits = new Map<string, Map<string, Held>>()
  // Writes under way, by limit and run: a place that is freed must not be taken before.
  readonly #writes = new Map<string, Promise<void>>()
  #isTiming = false

  constructor(store: SlotStore, leaseMs: number) {
    this.#store = store
    this.#leaseMs = leaseMs
  }

  /** Asks for a place. Rejects with the error of the store. */
  async take(limit: string, { runId }: AdmissionContext, terms: SlotTerms): Promise<SlotAnswer> {
    await this.#writes.get(keyOf(limit, runId))
    return this.#store.takeSlot(limitKey(limit), runId, terms)
  }

  /** Extends the place of a run from now on. */
  hold(limit: string, context: AdmissionContext): void {
    const held = this.#limits.get(limit) ?? new Map<string, Held>()
    this.#limits.set(limit, held)
    const known = held.get(context.runId)
    if (known) known.count += 1
    else held.set(context.runId, { count: 1, context })
    this.#time(context)
  }

  /** Frees the place of a run, or leaves it to the next process that works on the run. Never rejects. */
  async release(limit: string, context: AdmissionContext, leftForMs?: number): Promise<void> {
    const { runId } = context
    const held = this.#limits.get(limit)
    const known = held?.get(runId)
    if (known && known.count > 1) {
      known.count -= 1
      return
    }
    held?.delete(runId)
    if (held?.size === 0) this.#limits.delete(limit)
    const key = keyOf(limit, runId)
    const write = this.#write([context], () =>
      this.#store.keepSlots(limitKey(limit), [runId], leftForMs === undefined ? 0 : leftForMs + this.#leaseMs),
    )
    this.#writes.set(key, write)
    await write
    if (this.#writes.get(key) === write) this.#writes.delete(key)
  }

  /** Extends the places of a limit that this process holds. Never rejects. */
  async extend(limit: string): Promise<void> {
    const held = this.#limits.get(limit) ?? new Map<string, Held>()
    const contexts = [...held.values()].map(({ context }) => context)
    await this.#write(contexts, () => this.#store.keepSlots(limitKey(limit), [...held.keys()], this.#leaseMs))
  }

  /** Suspends a limit for all processes. */
  rest(limit: string, ms: number, context: AdmissionContext): void {
    void this.#write([context], () => this.#store.restSlots(limitKey(limit), ms))
  }

  // A third of the lease, so that two failures in a row lose no place. No timer runs without a place.
  #time(context: AdmissionContext): void {
    if (this.#isTiming) return
    this.#isTiming = true
    const extendAll = async () => {
      await Promise.all([...this.#limits.keys()].map((limit) => this.extend(limit)))
      this.#isTiming = false
      const [next] = [...this.#limits.values()].flatMap((held) => [...held.values()])
      if (next) this.#time(next.context)
    }
    startTimer(backgroundOf(context.clock), this.#leaseMs / 3, () => void extendAll())
  }

  // A place that could not be kept may be given twice, and the upstream then refuses a job; no job is lost or paid twice.
  async #write(contexts: readonly AdmissionContext[], write: () => Promise<void>): Promise<void> {
    try {
      await write()
    } catch (error) {
      const message = `Could not keep a place in the shared store: ${toErrorJson(error).code}`
      for (const { warn } of contexts) warn?.({ code: 'store-unavailable', message })
    }
  }
}

function limitKey(limit: string): string {
  return `generator:${limit}`
}

function keyOf(limit: string, runId: string): string {
  return JSON.stringify([limit, runId])
}
