/** Claims of runs, each kept for a while after its run was forgotten. */
export interface MemoryClaims {
  /** Whether the run is the only claimant of the name. */
  claim(name: string, runId: string): boolean
  /** Records that the run was forgotten: a later `sweep` removes its claims. */
  release(runId: string, now: number): void
  /** Removes the claims that were released at or before an instant. */
  sweep(before: number): void
}

/** Creates an empty set of claims. */
export function memoryClaims(): MemoryClaims {
  const claimants = new Map<string, string>()
  // Names by claimant, without released ones.
  const names = new Map<string, Set<string>>()
  // Names, in the order of their release.
  const released = new Map<string, number>()
  return {
    claim(name, runId) {
      const claimant = claimants.get(name) ?? runId
      if (claimant !== runId) return false
      claimants.set(name, runId)
      names.set(runId, (names.get(runId) ?? new Set()).add(name))
      // A later run may have the id of a forgotten one: its claims stay as long as the run.
      released.delete(name)
      return true
    },
    release(runId, now) {
      for (const name of names.get(runId) ?? []) released.set(name, now)
      names.delete(runId)
    },
    sweep(before) {
      for (const [name, at] of released) {
        if (at > before) return
        released.delete(name)
        claimants.delete(name)
      }
    },
  }
}
