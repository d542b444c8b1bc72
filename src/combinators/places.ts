import type { AdmissionContext } from '../calling/generator-routes.js'
import type { Rest, WaitingLine } from './waiting-line.js'

/** A place of a job at one generator. */
export interface Place {
  readonly index: number
  /** See `Admission.release`; a second call does nothing. */
  release(leftForMs?: number): Promise<void> | void
}

/** The places of jobs at balanced generators. */
export interface Places {
  /** The generator that a job would get now, or is most likely to get later; takes no place. */
  foresee(members: readonly number[]): number
  /**
   * Waits for a place at one of the generators. Resolves to `laterMs` for a job that should not wait in this process. Rejects as
   * {@link WaitingLine.take}, or with a `RunStateError` when a shared store is down.
   */
  take(members: readonly number[], context: AdmissionContext): Promise<Place | { readonly laterMs: number }>
  /** Takes a place for a job that may be running, even if the generator is busy. */
  occupy(index: number, context: AdmissionContext): Place
  /** Suspends a generator. */
  rest(index: number, rest: Rest, context: AdmissionContext): void
}

/** Places of this process only. */
export function ownPlaces(line: WaitingLine): Places {
  const place = (index: number): Place => ({ index, release: once(() => line.release(index)) })
  return {
    foresee: (members) => line.foresee(members),
    take: async (members, context) => place(await line.take(members, context)),
    occupy: (index) => {
      line.occupy(index)
      return place(index)
    },
    rest: (index, rest, { clock }) => line.rest(index, rest, clock),
  }
}

/** A release that happens once. */
export function once(release: Place['release']): Place['release'] {
  let isHeld = true
  return (leftForMs) => {
    if (!isHeld) return
    isHeld = false
    return release(leftForMs)
  }
}
