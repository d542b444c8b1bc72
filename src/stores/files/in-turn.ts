/** Runs work with the same key sequentially, for read-modify-write operations. */
export type InTurn = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** Creates an empty queue. */
export function inTurn(): InTurn {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    const before = last.get(key)
    // A failure belongs to the caller of the work that failed.
    const mine = before === undefined ? work() : before.then(work, work)
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}
