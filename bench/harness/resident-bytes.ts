import { setTimeout as sleep } from 'node:timers/promises'

/** Resident memory of this process after garbage was collected; the process needs `--expose-gc`. */
export async function residentBytes(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.()
    await sleep(10)
  }
  return process.memoryUsage.rss()
}
