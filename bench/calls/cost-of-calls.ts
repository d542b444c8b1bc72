/** Functions by name, each of which does its work once. */
export type Calls = Readonly<Record<string, () => Promise<unknown>>>

/** How often the functions are called. */
export interface CallCount {
  readonly rounds: number
  /** Calls of one function in one round, one after the other. */
  readonly calls: number
}

// Rounds until the code is compiled.
const WARM_UP = 4

/** Microseconds of CPU for one call of each function, for every round; the functions take turns. */
export async function costOfCalls(
  functions: Calls,
  { rounds, calls }: CallCount,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const costs = Object.fromEntries(Object.keys(functions).map((name) => [name, [] as number[]]))
  for (let round = -WARM_UP; round < rounds; round += 1) {
    for (const [name, call] of Object.entries(functions)) {
      globalThis.gc?.()
      const before = process.cpuUsage()
      for (let count = 0; count < calls; count += 1) await call()
      const { user, system } = process.cpuUsage(before)
      if (round >= 0) costs[name]?.push((user + system) / calls)
    }
  }
  return costs
}
