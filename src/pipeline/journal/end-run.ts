import { type SoraPipelineErrorJson, toErrorJson } from '../../contracts/errors.js'
import type { UpstreamState } from '../../contracts/events.js'
import type { EventLog } from '../event-log.js'
import { stopUpstream } from '../generate/stop-upstream.js'
import type { RunSession } from '../run-session.js'
import { isRefusedRun } from '../state/run-state.js'
import { handleOf } from '../state/submission.js'
import { traceEndHere } from '../tracing/run-trace.js'
import { isNamedElsewhere, retryPatiently } from './hold-run.js'
import { dropMedia } from './retention.js'
import { isFenced } from './store-calls.js'

const TRIES = 5
// How long the last event of an aborted run waits for the submitting process.
const WORD_MS = 2000

interface End {
  readonly isAborted: boolean
  readonly upstream: UpstreamState | undefined
}

/**
 * Ends a run without a URL: saves the end, unless the store is down or another process has ended the run, and reports it as the
 * last event.
 */
export async function endRun(
  { log, session }: { readonly log: EventLog; readonly session: RunSession | undefined },
  error: SoraPipelineErrorJson,
  { isAborted, upstream }: End,
): Promise<void> {
  // A failure of the store does not fail the run: it stays unchanged in the store, and can be resumed.
  if (session && error.code !== 'run-state') {
    try {
      // Another process may have worked on the run, or none.
      if (await saveEnd(session, error, { isAborted, upstream })) session.events?.publishFrom()
    } catch (cause) {
      const message = `Could not save the end of the run: ${toErrorJson(cause).code}`
      log.append({ type: 'warning', code: 'store-unavailable', message })
    }
  }
  const known = session?.state.isAborted ?? isAborted
  // The saved end counts, so that every process and every later reader reports the same.
  const left = await leftOf(session, upstream)
  log.append({ type: 'run-failed', error, isAborted: known, ...(left && { upstream: left }) })
}

/** Resolves to whether this process saved it. */
async function saveEnd(session: RunSession, error: SoraPipelineErrorJson, end: End): Promise<boolean> {
  const { journal, config } = session
  const { isAborted } = end
  let { upstream } = end
  const status = error.code === 'submission-unknown' ? 'needs-review' : 'failed'
  for (let tries = 1; session.state.status === 'running'; tries += 1) {
    // A process that only watches a run cannot fail it; an abort by a caller counts from any process. A call of `advance` found
    // the run free and may not have taken it: its result counts until another process saves.
    const isWatcher = isNamedElsewhere(session) && (session.isResident || tries > 1)
    if (!isAborted && isWatcher) return false
    try {
      const isRefused = status === 'failed' && !isAborted && isRefusedRun(session.state)
      const facts = { ...(isRefused && { isRefused }), ...(upstream && { upstream }) }
      await journal.save({ status, endedAt: config.clock.now(), error, isAborted, ...facts })
      traceEndHere(session)
      if (status === 'failed') await dropMedia(session)
      return true
    } catch (failure) {
      if (!isFenced(failure) || tries === TRIES) throw failure
      // An abort by the caller, or an unknown submission, counts even if another process saved in between.
      await retryPatiently(session, () => journal.reload())
      session.events?.beganElsewhere()
      // The other process may now have a job that this one has not cancelled.
      const isOther = JSON.stringify(upstream?.handle) !== JSON.stringify(handleOf(session.state.submission))
      if (isAborted && session.state.status === 'running' && isOther) upstream = await stopUpstream(session)
    }
  }
  return false
}

// A process that does not know the outcome of another process's submission waits for it briefly.
async function leftOf(session: RunSession | undefined, upstream: UpstreamState | undefined) {
  if (session === undefined) return upstream
  const { journal, config, state } = session
  const isOpen = () => (session.state.upstream ?? upstream)?.state === 'unknown' && session.state.isAborted === true
  // A process knows its own submissions.
  const isElsewhere = state.submission?.state === 'sending' && session.submitting === undefined && session.isWatcher
  for (let waitedMs = 0; isElsewhere && isOpen() && waitedMs < WORD_MS; waitedMs += WORD_MS / 8) {
    await config.clock.sleep(WORD_MS / 8)
    await journal.reload().catch(() => undefined)
  }
  return session.state.upstream ?? upstream
}
