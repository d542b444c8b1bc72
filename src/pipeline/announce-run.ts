import { stagesOf } from './configured-stages.js'
import { announceGenerate } from './generate/generate-stage.js'
import type { RunSession } from './run-session.js'

/**
 * Whether a run was saved, and no process has announced it: such as one of `create`, or of a queue. Its events in the store were read
 * before, if it has another version than its first.
 */
export function isUnannounced({ state, version, events }: RunSession): boolean {
  const { status, worker, submission, cancelRequest } = state
  if (status !== 'running' || worker !== undefined || submission?.state !== 'ready') return false
  if (version === 1) return true
  // A request to cancel is the one save that comes before the first step.
  return events === undefined ? version === 2 && cancelRequest !== undefined : !events.hasLog
}

/** Reports the first events of a run. */
export function announceRun(session: RunSession): void {
  session.log.append({ type: 'run-started', stages: stagesOf(session.config) })
  announceGenerate(session)
}
