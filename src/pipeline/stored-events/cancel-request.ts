import type { Clock } from '../../contracts/clock.js'
import { toErrorJson } from '../../contracts/errors.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { RunStore } from '../../contracts/run-store.js'
import { answerOf, isFenced, loadRun } from '../journal/store-calls.js'
import type { CancelRequest, RunState } from '../state/run-state.js'
import { toStoredRun } from '../state/stored-run.js'

const TRIES = 10

/**
 * Saves that a run is to be cancelled. The worker that holds it notices with its next beat, and cancels the job; a run without a
 * live worker is due at once, for the next one. Does nothing for an ended run.
 * @throws RunStateError when the store does not know the run or is down.
 */
export async function requestCancel(store: RunStore, clock: Clock, id: string, reason: unknown): Promise<void> {
  const now = clock.now()
  const cancelRequest: CancelRequest = { at: now, message: toErrorJson(reason).message }
  for (let tries = 1; ; tries += 1) {
    const loaded = await loadRun(store, id)
    if (loaded === undefined) throw new RunStateError(`Could not cancel the run, the store does not know it: ${id}`)
    const { state, version, beat } = loaded
    if (state.status !== 'running' || state.cancelRequest) return
    const isFree = state.worker === undefined || beat?.isExpired !== false
    const requested: RunState = { ...state, cancelRequest, ...(isFree && { wakeAt: Math.min(state.wakeAt, now) }) }
    try {
      const save = () => store.save(id, version, toStoredRun(requested))
      await answerOf(save, `Could not cancel the run, the store is down: ${id}`)
      return
    } catch (error) {
      // The worker saved in between.
      if (!isFenced(error) || tries === TRIES) throw error
    }
  }
}

/** The reason of a run that another process asked to cancel, as a caller of `cancel` gives it. */
export function reasonOf({ message }: CancelRequest): DOMException {
  return new DOMException(message, 'AbortError')
}
