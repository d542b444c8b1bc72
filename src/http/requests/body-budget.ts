/** The share of one body in the budget of all bodies. */
export interface BodyShare {
  /** Counts received bytes; `false` if the budget is exceeded. */
  take(byteLength: number): boolean
  /** Frees everything that was counted; a second call has no effect. */
  release(): void
}

/** The budget of the bodies that a handler reads at one moment: each call returns a share. */
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
