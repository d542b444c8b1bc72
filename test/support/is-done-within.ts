/**
 * Whether something takes less than a time of the processor in one of three tries: what else the machine does, and the first
 * run of code that is not compiled yet, are not of interest.
 */
export function isDoneWithin(limitMs: number, action: () => unknown): boolean {
  return [1, 2, 3].some(() => {
    const start = process.cpuUsage()
    action()
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1000 < limitMs
  })
}
