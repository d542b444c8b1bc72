import type { AdmissionContext } from '../calling/generator-routes.js'
import type { Clock } from '../contracts/clock.js'
import { isSoraPipelineError, toErrorJson } from '../contracts/errors.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { SlotRate } from '../contracts/shared-slots.js'
import { HeldSlots, type SlotStore } from './held-slots.js'
import { once, type Place, type Places } from './places.js'
import type { WaitingLine } from './waiting-line.js'

// How often a process asks for a place at a generator that is full, at least and at most.
const FULL_MS = { least: 500, most: 1000 }
// Between two runs that come back to this process.
const TURN_MS = 50
// Failures of the store in a row that a waiting job survives: about ten seconds of a store that refuses at once.
const MOST_FAILURES = 12

/** What one generator takes from all processes together. */
export interface SharedLimit {
  readonly name: string
  readonly most: number
  readonly rate: SlotRate | undefined
}

/**
 * Places that all processes with the same store share. The line of this process orders its own jobs, and its first job asks the
 * store. A generator that is full elsewhere rests here until it is asked again, so that waiting costs one operation a second,
 * however many jobs wait.
 */
export function sharedPlaces(shared: {
  readonly line: WaitingLine
  readonly limits: readonly SharedLimit[]
  readonly store: SlotStore
  readonly leaseMs: number
}): Places {
  const { line, limits, store, leaseMs } = shared
  const slots = new HeldSlots(store, leaseMs)
  const limitAt = (index: number) => limits[index] as SharedLimit
  const placeAt = (index: number, context: AdmissionContext): Place => {
    const { name } = limitAt(index)
    slots.hold(name, context)
    const release = (leftForMs?: number) => {
      line.release(index)
      return slots.release(name, context, leftForMs)
    }
    return { index, release: once(release) }
  }
  // Milliseconds until the store is asked again; `undefined` with a place.
  const askStore = async (index: number, context: AdmissionContext): Promise<number | undefined> => {
    const { name, most, rate } = limitAt(index)
    const { isTaken, waitMs } = await slots.take(name, context, { most, ttlMs: leaseMs, rate })
    return isTaken ? undefined : Math.max(waitMs, pauseMs())
  }
  let turnAt = Number.NEGATIVE_INFINITY
  // One after the other, so that a crowd of waiting runs costs this process no more than a few.
  const laterMs = (restMs: number, clock: Clock) => {
    const now = clock.monotonic()
    turnAt = Math.max(now + Math.max(restMs, pauseMs()), turnAt + TURN_MS)
    return turnAt - now
  }
  return {
    foresee: (members) => line.foresee(members),
    take: async (members, context) => {
      const { clock, isResident } = context
      for (let failures = 0; ; ) {
        const index = isResident ? await line.take(members, context) : line.takeNow(members, context)
        if (index === undefined) return { laterMs: laterMs(line.restMs(members, clock), clock) }
        let againMs: number | undefined
        try {
          againMs = await askStore(index, context)
          if (againMs === undefined) return placeAt(index, context)
          failures = 0
        } catch (error) {
          failures += 1
          if (!isResident || failures === MOST_FAILURES || isAnswer(error)) {
            line.release(index)
            throw unavailable(limitAt(index), error)
          }
          againMs = pauseMs()
        }
        line.rest(index, { ms: againMs }, clock)
        line.release(index)
      }
    },
    occupy: (index, context) => {
      line.occupy(index)
      const place = placeAt(index, context)
      // A job that stays counts at once; another one is counted when this step ends.
      if (context.isResident) slots.extend(limitAt(index).name)
      return place
    },
    rest: (index, rest, context) => {
      line.rest(index, rest, context.clock)
      if (rest.isForAll) slots.rest(limitAt(index).name, rest.ms, context)
    },
  }
}

function pauseMs(): number {
  return FULL_MS.least + Math.random() * (FULL_MS.most - FULL_MS.least)
}

function isAnswer(error: unknown): boolean {
  return isSoraPipelineError(error) && !error.isRetryable
}

function unavailable({ name }: SharedLimit, cause: unknown): unknown {
  if (isAnswer(cause)) return cause
  const { code } = toErrorJson(cause)
  const reason = 'the shared store is down'
  return new RunStateError(`Could not take a place for a job, ${reason} (${code}): ${name}`, {
    cause,
    isRetryable: true,
    reason,
  })
}
