import { RunStateError } from '../../contracts/run-errors.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { answerOf, isFenced, loadRun } from './store-calls.js'
import { WOKEN_AT } from './stored-wakes.js'

const TRIES = 5

/**
 * Makes the job of a run due now. The worker that holds the run finds that in the store (`stored-wakes.ts`); a run that no live
 * worker holds is due for every process. Does nothing for a run without a job, such as for a webhook that overtakes the answer to
 * its submission, for an ended run, and for one of version 0.1.0 in progress.
 * @throws RunStateError when the store does not know the run or is down.
 */
export async function wakeStored({ store, clock }: PipelineConfig, id: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const loaded = await loadRun(store, id)
    if (loaded === undefined || loaded.state.removedAt !== undefined)
      throw new RunStateError(`Could not wake the run, the store does not know it: ${id}`)
    const { version, beat, state } = loaded
    const { status, step, submission, worker, formerLease, wakeAt } = state
    const now = clock.now()
    if (status !== 'running' || step !== 'generate' || submission?.state !== 'accepted') return
    if ((formerLease?.until ?? 0) > now) return
    // A worker saves no polls, so that the time in the store of a run that it holds is an earlier one.
    const isHeld = worker !== undefined && beat?.isExpired === false
    const dueAt = isHeld ? WOKEN_AT : now
    if (wakeAt <= dueAt) return
    try {
      const { readings } = submission
      const reschedule = () => store.reschedule(id, version, dueAt, readings)
      return await answerOf(reschedule, `Could not wake the run, the store is down: ${id}`)
    } catch (error) {
      // Another process saved and may hold the run now.
      if (!isFenced(error) || tries === TRIES) throw error
    }
  }
}
