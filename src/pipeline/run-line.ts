import type { RunLimits } from './run-limits.js'

/** The queue in which runs wait before they submit, first in, first out. */
export interface RunLine {
  /** Whether a run of the owner would wait. */
  isFull(owner: string | undefined): boolean
  /**
   * Counts a run without waiting, because its job may already be running. The result releases the place; a second call does
   * nothing.
   */
  take(owner: string | undefined): () => void
  /** Waits for a place. After an abort it rejects with `signal.reason`, and the run leaves the queue. */
  wait(owner: string | undefined, signal: AbortSignal): Promise<() => void>
}

type Waiting = { readonly owner: string | undefined; enter(): void }

/** Creates an empty queue. */
export function runLine({ total = Number.POSITIVE_INFINITY, perOwner = Number.POSITIVE_INFINITY }: RunLimits): RunLine {
  const waiting = new Set<Waiting>()
  const counts = new Map<string | undefined, number>()
  let working = 0
  const hasPlace = (owner: string | undefined) => working < total && (counts.get(owner) ?? 0) < perOwner
  const count = (owner: string | undefined, change: 1 | -1) => {
    const left = (counts.get(owner) ?? 0) + change
    working += change
    if (left === 0) counts.delete(owner)
    else counts.set(owner, left)
  }
  // A run whose owner is at the limit does not delay the runs behind it.
  const admit = () => {
    for (const next of waiting) {
      if (working >= total) return
      if (hasPlace(next.owner)) {
        waiting.delete(next)
        next.enter()
      }
    }
  }
  const take = (owner: string | undefined) => {
    count(owner, 1)
    let isGiven = false
    return () => {
      if (isGiven) return
      isGiven = true
      count(owner, -1)
      admit()
    }
  }
  return {
    // Waiting runs of the same owner come first.
    isFull: (owner) => !hasPlace(owner) || [...waiting].some((other) => other.owner === owner),
    take,
    wait: (owner, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const leave = () => {
          waiting.delete(place)
          reject(signal.reason)
        }
        const place: Waiting = {
          owner,
          enter() {
            signal.removeEventListener('abort', leave)
            resolve(take(owner))
          },
        }
        signal.addEventListener('abort', leave, { once: true })
        waiting.add(place)
        admit()
      }),
  }
}
