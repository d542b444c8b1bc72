/** Claims of runs, each kept for a while after its run was forgotten. */
export interface MemoryClaims {
  /** Whether the run is the only claimant of the name. */
  claim(name: string, runId: string): boolean
  /** The run was forgotten: its claims go with a later `sweep`. */
  release(runId: string, now: number): void
  /** Removes the claims that were released at or before an instant. */
  sweep(before: number): void
}

/** Makes an empty set of claims. */
export function memoryClaims(): MemoryClaims {
  const claimants = new Map<string, string>()
  const names = new Map<string, string[]>()
  // In the order of their release.
  const released = new Map<string, number>()
  return {
    claim(name, runId) {
      const claimant = claimants.get(name)
      if (claimant !== undefined) return claimant === runId
      claimants.set(name, runId)
      names.set(runId, [...(names.get(runId) ?? []), name])
      return true
    },
    release(runId, now) {
      if (names.has(runId) && !released.has(runId)) released.set(runId, now)
    },
    sweep(before) {
      for (const [runId, at] of released) {
        if (at > before) return
        released.delete(runId)
        for (const name of names.get(runId) ?? []) claimants.delete(name)
        names.delete(runId)
      }
    },
  }
}
