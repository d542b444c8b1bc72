import type { Clock } from '../../contracts/clock.js'
import { backgroundOf, startTimer } from '../../timing/system-clock.js'
import type { VideoRunner } from '../video-runner.js'

/** Wakes of runs by webhooks. */
export interface IncomingWakes {
  /** Wakes a run, at most once a second. Rejects with the error of the runner. */
  wake(runId: string): Promise<void>
}

const SPACING_MS = 1_000

/**
 * Wakes the runs of a runner at most once a second each: of the webhooks in between, the last one counts when the second is over.
 */
export function incomingWakes(runner: Required<Pick<VideoRunner, 'wake'>>, clock: Clock): IncomingWakes {
  // Runs that were woken within the last second.
  const recent = new Map<string, { isAgain: boolean }>()

  const waitFor = (runId: string, entry: { isAgain: boolean }) => {
    startTimer(backgroundOf(clock), SPACING_MS, () => {
      if (!entry.isAgain) {
        recent.delete(runId)
        return
      }
      entry.isAgain = false
      waitFor(runId, entry)
      runner.wake(runId).catch(() => undefined) // The schedule of the run polls the job as well.
    })
  }
  return {
    async wake(runId) {
      const known = recent.get(runId)
      if (known !== undefined) {
        known.isAgain = true
        return
      }
      const entry = { isAgain: false }
      recent.set(runId, entry)
      waitFor(runId, entry)
      await runner.wake(runId)
    },
  }
}
