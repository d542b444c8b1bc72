// Of runs whose code is instrumented, such as those of mutants.
const { SLOWED = '1' } = process.env

// That of this thread alone, from Node 23.9 on.
const cpuUsage = process.threadCpuUsage ?? process.cpuUsage

/**
 * Whether something takes less than a time of the processor in one of three tries: what else the machine does, and the first
 * run of code that is not compiled yet, are not of interest.
 */
export function isDoneWithin(limitMs: number, action: () => unknown): boolean {
  return [1, 2, 3].some(() => {
    const start = cpuUsage()
    action()
    const { user, system } = cpuUsage(start)
    return (user + system) / 1000 < limitMs * Number(SLOWED)
  })
}
