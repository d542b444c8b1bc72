/** The part of one body in what all of them may take together. */
export interface BodyShare {
  /** Counts bytes that came; `false` when there is no room for them. */
  take(byteLength: number): boolean
  /** Everything that was counted is free again; a second call does nothing. */
  release(): void
}

/** What the bodies that a handler reads at one moment may take together: a share for each. */
export function bodyBudget(maxBytes: number): () => BodyShare {
  let usedBytes = 0
  return () => {
    let ownBytes = 0
    return {
      take(byteLength) {
        if (usedBytes + byteLength > maxBytes) return false
        usedBytes += byteLength
        ownBytes += byteLength
        return true
      },
      release() {
        usedBytes -= ownBytes
        ownBytes = 0
      },
    }
  }
}
