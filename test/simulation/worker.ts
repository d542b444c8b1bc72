import type * as present from 'sora-pipeline'
import type { Clock } from 'sora-pipeline'
import type { ManualClock } from 'sora-pipeline/testing'
import type { Random } from './random.ts'

/** What a worker is made of: this version of the library, or 0.1.0. */
export type Library = typeof present

/** What can befall a worker. All are probabilities: of `close` and `outage` at every check of it, of the others at every await. */
export interface Dangers {
  readonly crash: number
  readonly pause: number
  readonly loseAnswer: number
  /** That the store cannot be reached for up to a minute and a half. */
  readonly storeDown: number
  /** That the store takes an operation and does not answer. */
  readonly storeHangs: number
  /** That the wall clock steps by up to an hour, in either direction. */
  readonly clockSteps: number
  /** That its pipeline is closed, as at a deploy. */
  readonly close: number
  /** That all workers are down for up to three hours. */
  readonly outage: number
}

/** A process: what it awaits may be the last thing that it does. */
export interface Worker {
  readonly library: Library
  readonly isAlive: boolean
  /** Whether it closed its pipeline before it ended. */
  readonly hasLeft: boolean
  readonly clock: Clock
  /** Does something outside, with every danger before and after it. */
  outside<T>(act: () => Promise<T>): Promise<T>
  /** The same with the store, which may be down for this worker. */
  stored<T>(act: () => Promise<T>): Promise<T>
  kill(): void
  /** Ends, after its pipeline was closed. */
  leave(): void
}

const lost = () => new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } })

const never = () => new Promise<never>(() => undefined)

/** Makes a worker. A pause stops all of it, its timers too, while the time of the world continues. */
export function makeWorker(
  library: Library,
  { world, random, dangers }: { readonly world: ManualClock; readonly random: Random; readonly dangers: Dangers },
): Worker {
  let isAlive = true
  let hasLeft = false
  let pausedUntil = 0
  let downUntil = 0
  let stepMs = 0

  const turn = async () => {
    while (isAlive && pausedUntil > world.monotonic()) await world.sleep(pausedUntil - world.monotonic())
    if (!isAlive) await never()
  }
  const endanger = async () => {
    if (random.chance(dangers.crash)) isAlive = false
    if (random.chance(dangers.pause)) pausedUntil = world.monotonic() + 1000 + random.below(90_000)
    if (random.chance(dangers.clockSteps)) stepMs += random.below(7_200_000) - 3_600_000
    await turn()
  }

  const outside = async <T>(act: () => Promise<T>): Promise<T> => {
    await endanger()
    const done = await act()
    await endanger()
    if (random.chance(dangers.loseAnswer)) throw lost()
    return done
  }

  return {
    library,
    get isAlive() {
      return isAlive
    },
    get hasLeft() {
      return hasLeft
    },
    kill: () => {
      isAlive = false
    },
    leave: () => {
      hasLeft = isAlive
      isAlive = false
    },
    clock: {
      now: () => world.now() + stepMs,
      monotonic: world.monotonic,
      sleep: async (ms, options) => {
        await world.sleep(ms, options).finally(turn)
      },
    },
    outside,
    async stored(act) {
      if (random.chance(dangers.storeDown)) downUntil = world.monotonic() + random.below(90_000)
      if (downUntil > world.monotonic()) throw lost()
      if (random.chance(dangers.storeHangs)) {
        // It may have its effect all the same.
        if (random.chance(0.5)) await act().catch(() => undefined)
        return never()
      }
      return outside(act)
    },
  }
}
