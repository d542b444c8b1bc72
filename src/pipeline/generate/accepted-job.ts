import { flawOfVideo } from '../../calling/result-flaws.js'
import { unusableResult } from '../../calling/unusable-result.js'
import type { UpstreamState } from '../../contracts/events.js'
import type { GeneratedVideo, Generator } from '../../contracts/generator.js'
import { RunStateError } from '../../contracts/run-errors.js'
import { stageOfStep } from '../configured-stages.js'
import { continueAfterRace } from '../journal/lost-race.js'
import type { StatePatch } from '../journal/state-patch.js'
import { isFenced } from '../journal/store-calls.js'
import { withRightExpiry } from '../result-expiry.js'
import type { RunSession } from '../run-session.js'
import { placeOf } from '../stage-work.js'
import { withGenerated } from '../state/candidates.js'
import { storableVideo } from '../state/run-state.js'
import type { AcceptedSubmission } from '../state/submission.js'
import { tracedResult } from '../tracing/attempt-trace.js'
import { endJob } from '../tracing/job-trace.js'
import { releaseJob } from './admit-job.js'
import { attemptFailed } from './generate-failure.js'
import { claimOwnJob } from './own-job.js'

const TRIES = 5

/**
 * Saves an accepted job, even if another process saved in between: only the process that sent the submission knows the job, and a
 * paid job must not be lost to a lost race.
 * @throws FencedError when the state of the other process wins.
 * @throws RunStateError with the handle of the job when it cannot be saved.
 */
export async function recordAccepted(session: RunSession, job: AcceptedSubmission, patch: StatePatch): Promise<void> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    try {
      return await session.journal.save({ status: 'running', submission: job, ...patch })
    } catch (error) {
      if (!isFenced(error)) throw error
      if (!(await continueAfterRace(session))) throw error
    }
  }
  const { handle } = job
  throw new RunStateError(`Could not save an accepted job, other processes keep saving: ${session.id}`, { handle })
}

/**
 * Saves the video of a job and ends the stage.
 * @throws UpstreamResponseError when the video is unusable. SubmissionUnknownError when another run has claimed the job
 * meanwhile.
 */
export async function completeJob(
  session: RunSession,
  done: {
    readonly generator: Generator
    readonly job: AcceptedSubmission
    readonly video: GeneratedVideo
    readonly durationMs: number
  },
): Promise<void> {
  const { generator, job, durationMs } = done
  const video = withRightExpiry(session, { stage: 'generate', strategy: generator }, done.video)
  session.upstream = upstreamOf('finished', job, generator)
  const flaw = flawOfVideo(video, 'video')
  if (flaw !== undefined) {
    const error = unusableResult(generator, 'poll', flaw)
    attemptFailed(session, generator, { error, durationMs })
    throw error
  }
  releaseJob(session)
  const own = job.isUnclaimed ? await claimOwnJob(session, job) : job
  session.video = video
  const attempt = { stage: 'generate', strategy: generator.name, outcome: 'succeeded', durationMs } as const
  const { state, config, time } = session
  await recordAccepted(session, own, {
    step: 'publish',
    stage: stageOfStep('publish', config),
    stepStartedAt: time.now(),
    wakeAt: config.clock.now(),
    video: storableVideo(video),
    candidates: withGenerated(state, video),
    attempts: [...state.attempts, attempt],
  })
  if (session.jobTrace) endJob(session, { result: tracedResult(storableVideo(video)), durationMs }, job.handle)
  const tookMs = time.now() - (state.stepStartedAt ?? time.now())
  session.log.append({ type: 'stage-completed', ...placeOf('generate', generator), durationMs: tookMs })
}

/** The remains of a job at its generator, for the last event. */
export function upstreamOf(
  state: 'running' | 'finished' | 'failed',
  { handle }: AcceptedSubmission,
  generator: Generator,
): UpstreamState {
  return { state, generator: generator.name, handle }
}
