import type { UpstreamState } from '../../contracts/events.js'
import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { CancelOutcome } from '../../contracts/generator.js'
import { jsonCopy } from '../../contracts/is-json.js'
import { NetworkError } from '../../contracts/upstream-errors.js'
import { withDeadline } from '../../timing/deadline.js'
import type { HasSignal } from '../../timing/lazy-signal.js'
import type { RunSession } from '../run-session.js'
import { contextOf, openStage } from '../stage-work.js'
import { handleOf, type Submission } from '../state/submission.js'
import { tracedCleanup } from '../tracing/cleanup-trace.js'
import { generatorOf } from './submission-place.js'

// How long an aborted run waits for the upstream. The caller already has the rejection; only the last event waits.
const PATIENCE_MS = 2000

const STATES: Readonly<Record<CancelOutcome, UpstreamState['state']>> = {
  cancelled: 'cancelled',
  'too-late': 'finished',
  unsupported: 'running',
}

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

/** Cancels a job, and returns what is left of it. */
export async function stopJob(session: RunSession, handle: GenerationHandle): Promise<UpstreamState> {
  const { state: run, config } = session
  const generator = generatorOf(config.generator, run.submission)
  const left = { generator: handle.generator, handle }
  // The chain has changed since the submission.
  if (generator === undefined) return { state: 'unknown', ...left }
  if (!('start' in generator)) return { state: 'finished', ...left }
  if (generator.cancel === undefined) return { state: 'running', ...left }
  try {
    const work = openStage('generate', session.time.now(), generator)
    const { name: strategy, upstream } = generator
    const about = {
      action: 'cancel',
      stage: 'generate',
      strategy,
      ...(upstream !== undefined && { upstream }),
    } as const
    const outcome = await tracedCleanup(session, { ...about, handle }, () =>
      patiently(session, async (limit) =>
        generator.cancel?.(jsonCopy(handle.operation), contextOf(session, work, limit)),
      ),
    )
    // An outcome outside the contract counts as unknown.
    return { state: STATES[outcome ?? 'unsupported'] ?? 'unknown', ...left }
  } catch {
    // The event reports the state as unknown.
    return { state: 'unknown', ...left }
  }
}

function patiently<T>(session: RunSession, call: (limit: HasSignal) => Promise<T>): Promise<T> {
  const { clock } = session.config
  const error = () => new NetworkError(`Could not cancel the job, no answer within: ${PATIENCE_MS} ms`)
  return withDeadline({ clock, timeoutMs: PATIENCE_MS, error }, call)
}
