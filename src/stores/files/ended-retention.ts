// Minimum interval, because reading all runs is too expensive for each save.
const EVERY_MS = 60_000

/**
 * Creates a function to call after each save that ends a run. It prunes runs whose retention has expired, at most once a minute,
 * without delaying the save. After a failure the next call tries again.
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
