import { stopJob } from '../generate/stop-upstream.js'
import { type RunSession, warn } from '../run-session.js'
import type { RunState } from '../state/run-state.js'
import { reloadState, type StatePatch, saveState } from './run-journal.js'

/**
 * After a lost race: takes what the other process saved, without forgetting a job that this one alone knows to be accepted.
 * Resolves to whether the run goes on with that job as this process has it. The job of a run that was aborted meanwhile is stopped,
 * and one that is a second of its run is told as a warning.
 * @throws RunStateError with the handle of the job when the run cannot be read.
 */
export async function goOnAfterRace(session: RunSession): Promise<boolean> {
  const { state: own, savedJob } = session
  await reloadState(session)
  const { submission: job } = own
  if (job?.state !== 'accepted' || job.number === savedJob) return false
  const { status, submission: present, isAborted, warnings } = session.state
  const isSame = present?.number === job.number
  const isOpen = status === 'running' || status === 'needs-review'
  if (isOpen && isSame && present.state !== 'accepted') {
    const { lease: _lost, ...kept } = own
    session.state = { ...kept, warnings }
    return true
  }
  const operation = JSON.stringify(job.handle?.operation)
  if (operation === JSON.stringify(present?.handle?.operation)) return false
  if (isSame && isAborted && job.handle) {
    // Nobody else can stop the job, nor tell of it later.
    session.upstream = await stopJob(session, job.handle)
    await saveState(session, { submission: job, ...videoOf(own) })
  } else {
    const message = `A second job was accepted, look for it at ${job.handle?.generator}: ${operation}`
    warn(session, { code: 'duplicate-submission', message }, 'generate')
  }
  return false
}

function videoOf({ video, candidates }: RunState): StatePatch {
  return { ...(video && { video }), ...(candidates && { candidates }) }
}
