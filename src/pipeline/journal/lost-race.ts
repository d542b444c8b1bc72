import { leaveJob } from '../generate/admit-job.js'
import { stopJob } from '../generate/stop-upstream.js'
import { type RunSession, warn } from '../run-session.js'
import { jobKey } from '../state/job-key.js'
import { jobOf, type RunState } from '../state/run-state.js'
import { handleOf } from '../state/submission.js'
import { retryPatiently } from './hold-run.js'
import type { StatePatch } from './state-patch.js'

/**
 * After a lost race: loads the state of the other process, and keeps an accepted job that only this process knows. Resolves to
 * whether the run continues with that job. The job of a run that was aborted meanwhile is cancelled; a second job of the run
 * becomes a warning.
 * @throws RunStateError with the handle of the job when the run cannot be read.
 */
export async function continueAfterRace(session: RunSession): Promise<boolean> {
  const { journal } = session
  const { state: own, saved } = journal
  await retryPatiently(session, () => journal.reload())
  await leaveJob(session) // The run may now have another job.
  const { submission: job } = own
  if (job?.state !== 'accepted' || job.number === jobOf(saved)) return false
  const { status, submission: present, isAborted } = session.state
  const isSame = present?.number === job.number
  const isOpen = status === 'running' || status === 'needs-review'
  if (isOpen && isSame && present.state !== 'accepted') {
    journal.restore(own)
    return true
  }
  const other = handleOf(present)
  if (other && jobKey(other.operation) === jobKey(job.handle.operation)) return false
  // The video of the former job must not be mistaken for that of the current one.
  session.video = undefined
  session.upstream = undefined
  if (isSame && isAborted) {
    // No other process can cancel the job or report it later.
    session.upstream = await stopJob(session, job.handle)
    await journal.save({ submission: job, upstream: session.upstream, ...videoOf(own) })
  } else {
    const message = `A second job was accepted; check it at ${job.handle.generator}: ${JSON.stringify(job.handle.operation)}`
    warn(session, { code: 'duplicate-submission', message }, 'generate')
  }
  return false
}

function videoOf({ video, candidates }: RunState): StatePatch {
  return { ...(video && { video }), ...(candidates && { candidates }) }
}
