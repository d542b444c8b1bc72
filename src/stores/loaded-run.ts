import type { JsonObject, JsonValue } from '../contracts/json.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { LoadedRun, StoredRun } from '../contracts/run-store.js'
import type { RunRow } from './store-operations.js'

/**
 * A run from its row, with the data beside the state.
 * @throws RunStateError, not retryable, when the state is not a JSON object.
 */
export function loadedRun(row: RunRow, { id, place }: { readonly id: string; readonly place: string }): LoadedRun {
  const { version, schedule, progress, beat } = row
  const state = parsed(row.state)
  if (typeof state !== 'object' || state === null || Array.isArray(state)) {
    const reason = `a state that is not a JSON object at ${place}`
    throw new RunStateError(`Could not read the run, its state is not a JSON object at ${place}: ${id}`, { reason })
  }
  return {
    version,
    state: { ...(state as StoredRun), ...(schedule && { wakeAt: schedule.wakeAt }) },
    ...(schedule && { readings: JSON.parse(schedule.readings) as readonly JsonValue[] }),
    ...(progress !== undefined && { progress: JSON.parse(progress) as JsonObject }),
    ...(beat && { beat }),
  }
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    // Reported by the caller, like any other state that is not an object.
    return undefined
  }
}
