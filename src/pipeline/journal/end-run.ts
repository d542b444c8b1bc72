import { type SoraPipelineErrorJson, toErrorJson } from '../../contracts/errors.js'
import type { RunFailed } from '../../contracts/events.js'
import type { EventLog } from '../event-log.js'
import type { RunSession } from '../run-session.js'
import { reloadState, saveState } from './run-journal.js'
import { isFenced } from './store-calls.js'
import { isLeasedElsewhere } from './worker-lease.js'

const TRIES = 5

/** Ends a run without a URL: saved, unless the store is down or another process has ended it, and told as its last event. */
export async function endRun(
  { log, session }: { readonly log: EventLog; readonly session: RunSession | undefined },
  error: SoraPipelineErrorJson,
  { isAborted, upstream }: { readonly isAborted: boolean; readonly upstream: RunFailed['upstream'] | undefined },
): Promise<void> {
  // What the store could not do is no verdict on the run: it stays as it is there, and can be resumed.
  if (session && error.code !== 'run-state') {
    try {
      await saveEnd(session, error, isAborted)
    } catch (cause) {
      const message = `Could not save the end of the run: ${toErrorJson(cause).code}`
      log.append({ type: 'warning', code: 'store-unavailable', message })
    }
  }
  const known = session?.state.isAborted ?? isAborted
  log.append({ type: 'run-failed', error, isAborted: known, ...(upstream && { upstream }) })
}

async function saveEnd(session: RunSession, error: SoraPipelineErrorJson, isAborted: boolean): Promise<void> {
  const status = error.code === 'submission-unknown' ? 'needs-review' : 'failed'
  for (let tries = 1; session.state.status === 'running'; tries += 1) {
    // Who only watches a run has no verdict on it; a caller's abort counts from anywhere.
    if (!isAborted && isLeasedElsewhere(session)) return
    try {
      const endedAt = session.config.clock.now()
      return await saveState(session, { status, endedAt, error, isAborted })
    } catch (failure) {
      if (!isFenced(failure) || tries === TRIES) throw failure
      // The word of the caller, or the verdict on the submission, stands also when another process saved in between.
      await reloadState(session)
    }
  }
}
