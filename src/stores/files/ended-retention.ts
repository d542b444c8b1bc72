// At most once in this time: a look at all runs is more than a save should cost each time.
const EVERY_MS = 60_000

/**
 * Makes what is to be called after each save that ends a run: it prunes runs that ended longer ago than they are kept, at most once
 * a minute, behind the back of the save. A failure is left to the next time, for the run is saved.
 */
export function endedRetention(
  keepEndedMs: number | undefined,
  prune: (endedBefore: number, now: number) => Promise<unknown>,
): () => void {
  let next = Number.NEGATIVE_INFINITY
  let isBusy = false
  return () => {
    const now = Date.now()
    if (keepEndedMs === undefined || isBusy || now < next) return
    next = now + EVERY_MS
    isBusy = true
    const done = () => {
      isBusy = false
    }
    prune(now - keepEndedMs, now).then(done, done)
  }
}
