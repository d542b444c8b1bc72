import type { UpstreamState } from '../../contracts/events.js'
import type { GenerationHandle } from '../../contracts/generation-handle.js'
import { RunStateError } from '../../contracts/run-errors.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import { inBackground } from '../journal/in-background.js'
import { isFenced, loadRun } from '../journal/store-calls.js'
import type { RunSession } from '../run-session.js'
import { openStage } from '../stage-work.js'
import { jobKey } from '../state/job-key.js'
import { toStoredRun } from '../state/stored-run.js'
import { handleOf, type Submission } from '../state/submission.js'
import { cancelJob } from './cancel-job.js'
import { generatorOf } from './submission-place.js'

// How long an aborted run waits for the upstream. The caller already has the rejection; only the last event waits.
const PATIENCE_MS = 2000
const SAVE_TRIES = 5

/** Cancels the job of an aborted run, and returns what is left at the generator. `undefined` when nothing was submitted. */
export async function stopUpstream(session: RunSession): Promise<UpstreamState | undefined> {
  const { submission, video } = session.state
  if (submission === undefined) return undefined
  const { generator: chain } = session.config
  const { name } = generatorOf(chain, submission) ?? { name: submission.generator ?? chain.name }
  // The second is a job that could not be saved.
  const handle = handleOf(submission) ?? session.upstream?.handle
  if (video) return { state: 'finished', generator: name, ...(handle && { handle }) }
  if (handle) return stopJob(session, handle)
  if (session.submitting === undefined) return session.upstream ?? unheard(submission, name)
  const { clock } = session.config
  try {
    const { submitting } = session
    session.isStopping = true
    const started = await patiently(session, () => submitting)
    return await stopJob(session, { generator: name, operation: started.operation, startedAt: clock.now() })
  } catch {
    // The submission ended without a response, or not in time: the job may be running.
    session.isStopping = false
    return { state: 'unknown', generator: name }
  }
}

// The outcome of another process's submission is unknown until that process saves it.
function unheard({ state }: Submission, generator: string): UpstreamState | undefined {
  return state === 'sending' || state === 'unknown' ? { state: 'unknown', generator } : undefined
}

/**
 * Cancels a job, and returns what is left of it: `unknown` without an answer within 2 s. The cancellation then continues in the
 * background, and its outcome is added to the state of the run.
 */
export async function stopJob(session: RunSession, handle: GenerationHandle): Promise<UpstreamState> {
  const { state: run, config } = session
  const generator = generatorOf(config.generator, run.submission)
  const left = { generator: handle.generator, handle }
  // The chain has changed since the submission.
  if (generator === undefined) return { state: 'unknown', ...left }
  if (!('start' in generator)) return { state: 'finished', ...left }
  if (generator.cancel === undefined) return { state: 'running', ...left }
  const work = openStage('generate', session.time.now(), generator)
  const cancelling = cancelJob(session, generator, { handle, work })
  try {
    return { state: await patiently(session, () => cancelling), ...left }
  } catch {
    // The event reports the state as unknown; what becomes known later is added to the state of the run.
    work.isOpen = false
    cancelling.then((state) => addOutcome(session, { state, ...left }), ignored)
    return { state: 'unknown', ...left }
  }
}

function addOutcome({ config, id }: RunSession, upstream: UpstreamState): void {
  const { store } = config
  const add = async () => {
    for (let tries = 1; ; tries += 1) {
      const loaded = await loadRun(store, id)
      if (loaded === undefined) return
      const { status, upstream: known, submission } = loaded.state
      if (known?.state !== 'unknown' || !isSame(known.handle, upstream.handle)) {
        // A run that another process or a person has continued has its own end.
        if (status !== 'running' || !isSame(handleOf(submission), upstream.handle)) return
        throw new RunStateError(`Could not add what became of the job, the end of the run is not saved yet: ${id}`)
      }
      try {
        await store.save(id, loaded.version, toStoredRun({ ...loaded.state, upstream }))
        return
      } catch (error) {
        if (!isFenced(error) || tries === SAVE_TRIES) throw error
      }
    }
  }
  inBackground(config, add)
}

function isSame(one: GenerationHandle | undefined, other: GenerationHandle | undefined): boolean {
  return one !== undefined && other !== undefined && jobKey(one.operation) === jobKey(other.operation)
}

function ignored(): void {}

function patiently<T>(session: RunSession, call: () => Promise<T>): Promise<T> {
  const { clock } = session.config
  const error = () => new NetworkError(`Could not cancel the job, no answer within: ${PATIENCE_MS} ms`)
  return withDeadline({ clock, timeoutMs: PATIENCE_MS, error }, call)
}
