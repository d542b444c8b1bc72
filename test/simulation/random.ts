/** Numbers that are the same for the same seed. */
export interface Random {
  /** 0 up to 1. */
  next(): number
  /** Whether something of that probability happens. */
  chance(probability: number): boolean
  /** A whole number from 0 below `limit`. */
  below(limit: number): number
  pick<T>(items: readonly [T, ...T[]]): T
}

/** A small generator of good enough numbers (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (items) => items[below(items.length)] ?? items[0],
  }
}
