import { flawOfVideo } from '../../calling/result-flaws.js'
import type { GeneratedVideo, Generator, StartedTask } from '../../contracts/generator.js'
import { RunStateError } from '../../contracts/run-errors.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { backgroundOf } from '../../timing/system-clock.js'
import { claimJob } from '../journal/claim-job.js'
import { inBackground, PATIENTLY } from '../journal/in-background.js'
import { loadRun } from '../journal/store-calls.js'
import type { RunSession } from '../run-session.js'
import { withGenerated } from '../state/candidates.js'
import { type RunState, storableVideo } from '../state/run-state.js'
import { toStoredRun } from '../state/stored-run.js'
import { type AcceptedSubmission, accepted, handleOf, newHandle, type SendingSubmission } from '../state/submission.js'
import { stopJob } from './stop-upstream.js'

// How long the answer is waited for after the end of the run: most servers have one by then.
const LATE_MS = 30_000

interface LateSubmission {
  readonly generator: Generator
  readonly submission: SendingSubmission
  readonly answer: Promise<StartedTask>
  /** Whether the caller aborted the run; else its deadline passed. */
  readonly isAborted: boolean
}

/**
 * Hears the answer to a submission whose run has ended here. Of a run that its caller aborted, the job that it brings is stopped where
 * the generator can, and kept in the state; one whose deadline passed is taken up again with its job, or its video. After 30 s the
 * connection is closed.
 */
export function hearLateAnswer(session: RunSession, sent: LateSubmission): void {
  const { config, callerSignal, id } = session
  // The answer of one long call is the video, minutes away; nothing is left to stop.
  if (sent.isAborted && !('start' in sent.generator)) {
    session.hangUp.abort(callerSignal.reason)
    return
  }
  const clock = backgroundOf(config.clock)
  const over = new AbortController()
  const hangUp = () => session.hangUp.abort(new NetworkError(`Could not learn the outcome, the run has ended: ${id}`))
  clock.sleep(LATE_MS, { signal: over.signal }).then(hangUp, ignored)
  const hear = async () => {
    const { operation, status } = await sent.answer
    // In time: it is stopped before the last event.
    if (session.isStopping) return
    const handle = newHandle(sent.generator, operation, session.time.now())
    const job = accepted(sent.submission, handle, { atMs: 0 })
    const video = status?.state === 'completed' ? status.video : undefined
    const keep = sent.isAborted ? await stopped(session, job) : () => takenUp(session, job, video)
    inBackground(config, keep, PATIENTLY)
  }
  hear()
    .catch(ignored)
    .finally(() => over.abort('over'))
}

async function stopped(session: RunSession, job: AcceptedSubmission): Promise<() => Promise<void>> {
  const upstream = await stopJob(session, job.handle)
  return async () => {
    await replace(session, job, () => ({ upstream }))
  }
}

// As at once after its submission, but that its time is over: the job is polled a last time.
async function takenUp(session: RunSession, job: AcceptedSubmission, video: GeneratedVideo | undefined): Promise<void> {
  const { config, id } = session
  const isVideo = video?.url !== undefined && flawOfVideo(video, 'video') === undefined
  // Of one long call without an address nothing can be kept.
  if (job.handle.operation === null && !isVideo) return
  if (job.handle.operation !== null && !(await claimJob(config.store, job.handle, id))) return
  // Another process may have aborted it meanwhile.
  if ((await loadRun(config.store, id))?.state.isAborted) return (await stopped(session, job))()
  const isReplaced = await replace(session, job, (ended) => {
    const now = config.clock.now()
    const step = isVideo && {
      ...({ step: 'publish', stepStartedAt: now, video: storableVideo(video) } as const),
      candidates: withGenerated(ended, video),
    }
    return { status: 'running', wakeAt: now, ...step }
  })
  if (isReplaced) config.takeUp?.(id)
}

// Resolves to whether the run had no job yet.
async function replace(
  { config, id }: RunSession,
  job: AcceptedSubmission,
  changesOf: (ended: RunState) => Partial<RunState>,
): Promise<boolean> {
  const loaded = await loadRun(config.store, id)
  if (loaded === undefined || handleOf(loaded.state.submission)) return false
  // A person has decided meanwhile that there is none.
  if (loaded.state.submission?.number !== job.number) return false
  if (loaded.state.status === 'running')
    throw new RunStateError(`Could not keep the job, the end of the run is not saved yet: ${id}`)
  const changed = { ...loaded.state, submission: job, ...changesOf(loaded.state) }
  const { error: _error, endedAt: _endedAt, upstream: _upstream, ...open } = changed
  const state = changed.status === 'running' ? open : changed
  await config.store.save(id, loaded.version, toStoredRun(state))
  return true
}

function ignored(): void {}
