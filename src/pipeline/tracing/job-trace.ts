import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { Generator } from '../../contracts/generator.js'
import type { RunSession } from '../run-session.js'
import { handleOf } from '../state/submission.js'
import { openAttempt } from './attempt-trace.js'
import type { AttemptTrace } from './trace-messages.js'

/**
 * Calls a generator in the async context of its attempt, which lasts from the first call in this process to the end of the job,
 * or until this process leaves it.
 */
export function jobCall<T>(session: RunSession, generator: Generator, call: () => T): T {
  session.jobTrace ??= openAttempt(session, 'generate', generator)
  return session.jobTrace === undefined ? call() : session.jobTrace.within(call)
}

/** Reports the end of the attempt; without an outcome, that this process left it unfinished. */
export function endJob(
  session: RunSession,
  outcome: Pick<AttemptTrace, 'result' | 'error' | 'durationMs'> = {},
  handle: GenerationHandle | undefined = handleOf(session.state.submission),
): void {
  const { jobTrace } = session
  if (jobTrace === undefined) return
  session.jobTrace = undefined
  if (handle) jobTrace.message.handle = handle
  jobTrace.end(outcome)
}
