import type { Clock } from '../../contracts/clock.js'
import { backgroundOf, startTimer } from '../../timing/system-clock.js'
import type { SharedStore } from '../machines/shared-notes.js'
import { WEBHOOKS } from './kept-webhook.js'

const SWEEP_MS = 5_000
const PAGE = 50
// Between two sweeps of a store that is away.
const LONGEST_MS = 60_000

/**
 * Takes over webhooks of other processes that are due, every five seconds until the runner closes. It does not keep the process alive. Of
 * failures in a row the first is reported.
 */
export function sweepWebhooks(
  { notes, closing }: SharedStore,
  {
    takeOver,
    onError,
    clock,
  }: {
    readonly takeOver: (runId: string) => Promise<void>
    readonly onError: (error: unknown) => void
    readonly clock: Clock
  },
): void {
  let failures = 0
  // Sending one may take hours.
  const start = (runId: string) => {
    takeOver(runId).catch(onError)
  }
  const sweep = async () => {
    const due = await notes.dueNotes(WEBHOOKS, PAGE)
    for (const runId of due) start(runId)
    failures = 0
  }
  const plan = () => {
    if (closing.aborted) return
    const ms = Math.min(SWEEP_MS * 2 ** failures, LONGEST_MS) * (1 + Math.random() / 10)
    const timer = startTimer(backgroundOf(clock), ms, () => {
      closing.removeEventListener('abort', stop)
      if (closing.aborted) return
      sweep()
        .catch((error: unknown) => {
          failures += 1
          if (failures === 1 && !closing.aborted) onError(error)
        })
        .finally(plan)
    })
    const stop = () => timer.stop()
    closing.addEventListener('abort', stop, { once: true })
  }
  plan()
}
