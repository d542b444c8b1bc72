import type { Clock } from '../contracts/clock.js'
import type { RunStateError } from '../contracts/run-errors.js'
import { raceAbort } from '../timing/deadline.js'

/** Waits of a run without effects. They can be woken, and end at once when the pipeline closes. */
export class RunWaits {
  readonly #waits = new Set<AbortController>()
  readonly #sleepers = new Set<() => void>()
  #leaving: RunStateError | undefined
  #isWoken = false

  /** Why this process stops working on the run; `undefined` while it works. */
  get leaving(): RunStateError | undefined {
    return this.#leaving
  }

  /** Ends every wait, including later ones, with an error. Outside effects continue. */
  leave(error: RunStateError): void {
    this.#leaving ??= error
    for (const wait of this.#waits) wait.abort(this.#leaving)
  }

  /** @throws RunStateError when the pipeline closes. */
  throwIfLeaving(): void {
    if (this.#leaving) throw this.#leaving
  }

  /** Ends the current sleep, or the next one if the run is busy: its current poll may be older than the reason to wake it. */
  wake(): void {
    this.#isWoken = this.#sleepers.size === 0
    for (const end of this.#sleepers) end()
  }

  /** Sleeps, and resolves to whether the run was woken. Rejects with `signal.reason`, or the error of a pipeline that closes. */
  async sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#isWoken) {
      this.#isWoken = false
      return true
    }
    return this.until(signal, async (ended) => {
      const timer = new AbortController()
      const stop = () => timer.abort(ended.reason)
      ended.addEventListener('abort', stop, { once: true })
      let isWoken = false
      const wake = () => {
        isWoken = true
        timer.abort('woken')
      }
      this.#sleepers.add(wake)
      try {
        await clock.sleep(ms, { signal: timer.signal })
      } catch (error) {
        if (!isWoken) throw error
      } finally {
        this.#sleepers.delete(wake)
        ended.removeEventListener('abort', stop)
      }
      return isWoken
    })
  }

  /** Waits for a call that has no effect. Rejects with `signal.reason`, or the error of a pipeline that closes. */
  async until<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.throwIfLeaving()
    signal.throwIfAborted()
    const controller = new AbortController()
    const follow = () => controller.abort(signal.reason)
    signal.addEventListener('abort', follow, { once: true })
    this.#waits.add(controller)
    try {
      return await raceAbort(controller.signal, () => call(controller.signal))
    } finally {
      this.#waits.delete(controller)
      signal.removeEventListener('abort', follow)
    }
  }
}
