import { type SoraPipelineErrorJson, toErrorJson } from '../../contracts/errors.js'
import type { RunFailed } from '../../contracts/events.js'
import type { EventLog } from '../event-log.js'
import type { RunSession } from '../run-session.js'
import { askPatiently, isNamedElsewhere } from './hold-run.js'
import { dropMedia } from './retention.js'
import { isFenced } from './store-calls.js'

const TRIES = 5

/** Ends a run without a URL: saved, unless the store is down or another process has ended it, and reported as its last event. */
export async function endRun(
  { log, session }: { readonly log: EventLog; readonly session: RunSession | undefined },
  error: SoraPipelineErrorJson,
  { isAborted, upstream }: { readonly isAborted: boolean; readonly upstream: RunFailed['upstream'] | undefined },
): Promise<void> {
  // What the store could not do is not a verdict on the run: it stays unchanged there, and can be resumed.
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
  const { journal, config } = session
  const status = error.code === 'submission-unknown' ? 'needs-review' : 'failed'
  for (let tries = 1; session.state.status === 'running'; tries += 1) {
    // A process that only watches a run has no verdict on it; a caller's abort counts from anywhere. One call of `advance` found
    // the run free, and need not have taken it: its verdict counts until another process saves.
    const isWatcher = isNamedElsewhere(session) && (session.isResident || tries > 1)
    if (!isAborted && isWatcher) return
    try {
      await journal.save({ status, endedAt: config.clock.now(), error, isAborted })
      if (status === 'failed') await dropMedia(session)
      return
    } catch (failure) {
      if (!isFenced(failure) || tries === TRIES) throw failure
      // The word of the caller, or the verdict on the submission, stands also when another process saved in between.
      await askPatiently(session, () => journal.reload())
    }
  }
}
