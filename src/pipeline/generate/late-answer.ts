import { flawOfVideo } from '../../calling/result-flaws.js'
import type { GeneratedVideo, Generator, StartedTask } from '../../contracts/generator.js'
import { RunStateError } from '../../contracts/run-errors.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { backgroundOf, startTimer } from '../../timing/system-clock.js'
import { stageOfStep } from '../configured-stages.js'
import { claimJob } from '../journal/claim-job.js'
import { inBackground, PATIENTLY } from '../journal/in-background.js'
import { loadRun } from '../journal/store-calls.js'
import type { RunSession } from '../run-session.js'
import { withGenerated } from '../state/candidates.js'
import { type RunState, storableVideo } from '../state/run-state.js'
import { toStoredRun } from '../state/stored-run.js'
import { type AcceptedSubmission, accepted, handleOf, newHandle, type SendingSubmission } from '../state/submission.js'
import { stopJob } from './stop-upstream.js'

// How long to wait for the response after the end of the run: most servers respond by then.
const LATE_MS = 30_000

interface LateSubmission {
  readonly generator: Generator
  readonly submission: SendingSubmission
  readonly answer: Promise<StartedTask>
  /** Whether the caller aborted the run; otherwise its deadline passed. */
  readonly isAborted: boolean
}

/**
 * Waits for the response to a submission whose run has ended here. If the caller aborted the run, the job in the response is
 * cancelled if the generator supports that, and kept in the state. If the deadline passed, the run resumes with the job or the
 * video. After 30 s the connection is closed.
 */
export function hearLateAnswer(session: RunSession, sent: LateSubmission): void {
  const { config, callerSignal, hangUp, id } = session
  // The response of one long call is the video, minutes away; there is no job to cancel.
  if (sent.isAborted && !('start' in sent.generator)) {
    hangUp?.abort(callerSignal.reason)
    return
  }
  const clock = backgroundOf(config.clock)
  const timer = startTimer(clock, LATE_MS, () =>
    hangUp?.abort(new NetworkError(`Could not learn the outcome, the run has ended: ${id}`)),
  )
  const takeAnswer = async () => {
    const { operation, status } = await sent.answer
    // In time: the job is cancelled before the last event.
    if (session.isStopping) return
    const handle = newHandle(sent.generator, operation, session.time.now())
    const job = accepted(sent.submission, handle, { atMs: 0 })
    const video = status?.state === 'completed' ? status.video : undefined
    const keep = sent.isAborted ? await stopped(session, job) : () => resumed(session, job, video)
    inBackground(config, keep, PATIENTLY)
  }
  takeAnswer()
    .catch(ignored)
    .finally(() => timer.stop())
}

async function stopped(session: RunSession, job: AcceptedSubmission): Promise<() => Promise<void>> {
  const upstream = await stopJob(session, job.handle)
  return async () => {
    await replace(session, job, () => ({ upstream }))
  }
}

// As directly after a submission, but its deadline has passed: the job is polled a last time.
async function resumed(session: RunSession, job: AcceptedSubmission, video: GeneratedVideo | undefined): Promise<void> {
  const { config, id } = session
  const isVideo = video?.url !== undefined && flawOfVideo(video, 'video') === undefined
  // A video of one long call without a URL cannot be kept.
  if (job.handle.operation === null && !isVideo) return
  if (job.handle.operation !== null && !(await claimJob(config.store, job.handle, id))) return
  // Another process may have aborted it meanwhile.
  if ((await loadRun(config.store, id))?.state.isAborted) return (await stopped(session, job))()
  const isReplaced = await replace(session, job, (ended) => {
    const now = config.clock.now()
    const step = isVideo && {
      ...({ step: 'publish', stage: stageOfStep('publish', config), stepStartedAt: now } as const),
      video: storableVideo(video),
      candidates: withGenerated(ended, video),
    }
    return { status: 'running', wakeAt: now, ...step }
  })
  if (isReplaced) config.resumeRun?.(id)
}

// Resolves to whether the job was added to the run.
async function replace(
  { config, id }: RunSession,
  job: AcceptedSubmission,
  changesOf: (ended: RunState) => Partial<RunState>,
): Promise<boolean> {
  const loaded = await loadRun(config.store, id)
  if (loaded === undefined || handleOf(loaded.state.submission)) return false
  // A person has settled meanwhile that there is no job.
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
