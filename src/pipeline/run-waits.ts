import type { Clock } from '../contracts/clock.js'
import type { RunStateError } from '../contracts/run-errors.js'
import { raceAbort } from '../timing/deadline.js'
import { startTimer } from '../timing/system-clock.js'

const ONCE = { once: true } as const

/** Waits of a run without effects, one at a time. They can be woken, and end at once when the pipeline closes. */
export class RunWaits {
  /** Ends the current wait with an error. */
  #fail: ((reason: unknown) => void) | undefined
  /** Ends the current sleep early. */
  #rouse: (() => void) | undefined
  #leaving: RunStateError | undefined
  #isWoken = false

  /** Why this process stops working on the run; `undefined` while it works. */
  get leaving(): RunStateError | undefined {
    return this.#leaving
  }

  /** Ends every wait, including later ones, with an error. Outside effects continue. */
  leave(error: RunStateError): void {
    this.#leaving ??= error
    this.#fail?.(this.#leaving)
  }

  /** @throws RunStateError when the pipeline closes. */
  throwIfLeaving(): void {
    if (this.#leaving) throw this.#leaving
  }

  /** Ends the current sleep, or the next one if the run is busy: its current poll may be older than the reason to wake it. */
  wake(): void {
    this.#isWoken = this.#rouse === undefined
    this.#rouse?.()
  }

  /** Sleeps, and resolves to whether the run was woken. Rejects with `signal.reason`, or the error of a pipeline that closes. */
  async sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
    if (this.#isWoken) {
      this.#isWoken = false
      return true
    }
    this.throwIfLeaving()
    signal.throwIfAborted()
    return new Promise<boolean>((resolve, reject) => {
      const timer = startTimer(clock, ms, () => end(false))
      const end = (isWoken: boolean) => {
        leave()
        resolve(isWoken)
      }
      const abort = () => this.#fail?.(signal.reason)
      const leave = () => {
        timer.stop()
        signal.removeEventListener('abort', abort)
        this.#fail = undefined
        this.#rouse = undefined
      }
      signal.addEventListener('abort', abort, ONCE)
      this.#rouse = () => end(true)
      this.#fail = (reason) => {
        leave()
        reject(reason)
      }
    })
  }

  /** Waits for a call that has no effect. Rejects with `signal.reason`, or the error of a pipeline that closes. */
  async until<T>(signal: AbortSignal, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.throwIfLeaving()
    signal.throwIfAborted()
    const controller = new AbortController()
    const follow = () => controller.abort(signal.reason)
    signal.addEventListener('abort', follow, ONCE)
    this.#fail = (reason) => controller.abort(reason)
    try {
      return await raceAbort(controller.signal, () => call(controller.signal))
    } finally {
      this.#fail = undefined
      signal.removeEventListener('abort', follow)
    }
  }
}
