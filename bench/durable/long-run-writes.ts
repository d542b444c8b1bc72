import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, SoraPipeline } from 'sora-pipeline'
import { fakeTaskGenerator } from 'sora-pipeline/testing'
import { openCountedStore, type StoreName, type WriteCounts } from './counted-store.ts'

const TIME_SCALE = 20

/** Writes of one run whose job completes at the given poll. The job is polled every second, at a twentyfold time scale. */
export async function measureRunWrites(
  storeName: StoreName,
  directory: string,
  pollCount: number,
): Promise<WriteCounts> {
  const { store, counts } = openCountedStore(storeName, directory)
  const pipeline = new SoraPipeline({
    generator: fakeTaskGenerator({ polls: pollCount - 1 }),
    store,
    clock: createFastClock(),
    pollSchedule: () => 1000,
    // Its time runs on the same clock: without this a disk that is late for half a second would end the run.
    storeTimeoutMs: 10_000 * TIME_SCALE,
  })
  await pipeline.generate({ prompt: `${pollCount} polls` })
  return counts
}

// What is written by time, such as a lease that is renewed, must show. A manual clock would outrun the disk.
function createFastClock(): Clock {
  const epoch = Date.now()
  const start = performance.now()
  const elapsed = () => (performance.now() - start) * TIME_SCALE
  return {
    now: () => epoch + elapsed(),
    monotonic: elapsed,
    sleep: async (ms, { signal } = {}) => {
      signal?.throwIfAborted()
      // 2^31 - 1 is the longest time that a timer can hold.
      const timer = sleep(Math.min(ms / TIME_SCALE, 2_147_483_647), undefined, signal && { signal })
      // The contract of a clock: a sleep that is aborted rejects with the reason itself.
      await timer.catch((error: unknown) => {
        throw signal?.aborted ? signal.reason : error
      })
    },
  }
}
