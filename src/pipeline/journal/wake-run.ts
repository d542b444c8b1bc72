import { RunStateError } from '../../contracts/run-errors.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { answerOf, isFenced, loadRun } from './store-calls.js'

const TRIES = 5

/**
 * Makes the job of a run that no live worker holds due now. Does nothing for a held run, a run without a job, or an ended run.
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
    const isHeld = (worker !== undefined && beat?.isExpired === false) || (formerLease?.until ?? 0) > now
    if (status !== 'running' || step !== 'generate' || submission?.state !== 'accepted' || isHeld || wakeAt <= now)
      return
    try {
      const { readings } = submission
      const reschedule = () => store.reschedule(id, version, now, readings)
      return await answerOf(reschedule, `Could not wake the run, the store is down: ${id}`)
    } catch (error) {
      // Another process saved and may hold the run now.
      if (!isFenced(error) || tries === TRIES) throw error
    }
  }
}
