import { toErrorJson } from '../../contracts/errors.js'
import { SubmissionUnknownError } from '../../contracts/run-errors.js'
import { claimJob } from '../journal/claim-job.js'
import { type RunSession, warn } from '../run-session.js'
import { type AcceptedSubmission, withClaim } from '../state/submission.js'

// A store that hangs takes up to ten seconds to fail, during which the job is not polled.
const CLAIM_AGAIN_MS = 30_000

/** Whether to claim a job now that could not be claimed when it was accepted. */
export function isClaimDue({ time, claimAgainAt = 0 }: RunSession, { isUnclaimed }: AcceptedSubmission): boolean {
  return isUnclaimed === true && time.now() >= claimAgainAt
}

/**
 * Claims an accepted job so that a lookup of another run does not take it. A store that is down does not stop the run: the job is
 * claimed later.
 * @throws SubmissionUnknownError with the handle of the job when another run has claimed it.
 */
export async function claimOwnJob(session: RunSession, job: AcceptedSubmission): Promise<AcceptedSubmission> {
  const { journal, id, time } = session
  const { handle } = job
  let isOwn: boolean
  try {
    isOwn = await claimJob(journal.store, handle, id)
  } catch (error) {
    const message = `Could not claim the job: ${toErrorJson(error).code}`
    warn(session, { code: 'store-unavailable', message }, 'generate', handle.generator)
    session.claimAgainAt = time.now() + CLAIM_AGAIN_MS
    return withClaim(job, false)
  }
  if (isOwn) return withClaim(job, true)
  journal.note({ submission: job })
  const message = `Could not take the accepted job, another run claimed it: ${handle.generator}`
  throw new SubmissionUnknownError(message, { handle })
}
