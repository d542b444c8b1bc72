/** Under which terms {@link RunStore.takeSlot} gives a place. */
export interface SlotTerms {
  /** How many holders the limit has at the same time at most; a whole number from 1, or `Infinity`. */
  readonly most: number
  /** How long the place lasts without `keepSlots`, in milliseconds above 0, by the clock of the store. */
  readonly ttlMs: number
  /** How many places are given within a time at most. @defaultValue no such limit */
  readonly rate?: SlotRate | undefined
}

/** How many jobs may start within a time. */
export interface SlotRate {
  /** How many jobs at most; a whole number from 1. */
  readonly jobs: number
  /** Within how many milliseconds, above 0 and finite. The period moves: it ends now. */
  readonly perMs: number
}

/** What {@link RunStore.takeSlot} found. */
export interface SlotAnswer {
  /** Whether the holder has a place now. */
  readonly isTaken: boolean
  /** Without a place: how long a rest or the rate lasts, in milliseconds; 0 when only a holder that leaves helps. */
  readonly waitMs: number
}
