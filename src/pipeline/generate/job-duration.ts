import type { Generator } from '../../contracts/generator.js'
import type { UsualDuration } from '../../contracts/poll-schedule.js'
import type { RunSession } from '../run-session.js'
import type { AcceptedSubmission } from '../state/submission.js'

// With a longer gap before the last poll, such as after a restart, the job may have ended long before.
const LONGEST_GAP_MS = 60_000

/** Notes the duration of a job that a poll has found completed. */
export function learnDuration(
  { config, state }: RunSession,
  generator: Generator,
  { readings }: AcceptedSubmission,
  completedAtMs: number,
): void {
  // The last reading is the one that found it completed.
  const openAtMs = readings.at(-2)?.atMs ?? 0
  if (state.isAdopted || completedAtMs - openAtMs > LONGEST_GAP_MS) return
  config.durations?.learn(kindOf(state, generator), (openAtMs + completedAtMs) / 2)
}

/** How long jobs like that of this run usually take. */
export function usualDuration({ config, state }: RunSession, generator: Generator): UsualDuration | undefined {
  return state.isAdopted ? undefined : config.durations?.usual(kindOf(state, generator))
}

function kindOf({ request }: RunSession['state'], generator: Generator): string {
  return JSON.stringify([generator.name, request.model, request.size, request.durationSeconds])
}
