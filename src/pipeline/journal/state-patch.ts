import type { RunState, TimeMark } from '../state/run-state.js'

/** Changes of a state. */
export type StatePatch = Partial<Omit<RunState, 'v' | 'id' | 'worker' | 'time'>>

/** A state with its changes. Schedules may return fractions of a millisecond; stores index whole ones. */
export function noted(state: RunState, patch: StatePatch): RunState {
  const next = { ...state, ...patch }
  return Number.isInteger(next.wakeAt) ? next : { ...next, wakeAt: Math.ceil(next.wakeAt) }
}

// Fields of the worker that saved before, and of an end that no longer counts.
const OF_WORKERS = ['formerLease', 'time', 'worker'] as const
const OF_ENDS = ['error', 'endedAt', 'isAborted', 'isRefused', 'upstream'] as const

/**
 * A state with its changes, as it is saved. A new step has not started unless the patch sets it, a run that continues has no end,
 * and an ended run has no worker.
 * @param time - Both clocks of the run. An ended run has none: when it is settled, its deadlines start again.
 * @param hold - The worker that holds the run with the save, and the state in the store; without it the run is released.
 */
export function patchedState(
  state: RunState,
  patch: StatePatch,
  time: TimeMark,
  hold: { readonly worker: string; readonly saved: RunState } | undefined,
): RunState {
  const isRunning = (patch.status ?? state.status) === 'running'
  const isHeld = isRunning && hold !== undefined
  const isTakenOver = hold !== undefined && hold.saved.worker !== hold.worker
  const next: Changeable = { ...state, ...patch }
  next.wakeAt = Math.ceil(next.wakeAt)
  next.epoch = isTakenOver ? hold.saved.epoch + 1 : state.epoch
  if (isRunning) next.time = time
  if (isHeld) next.worker = hold.worker
  const isKept = (field: keyof RunState) => (field === 'time' && isRunning) || (field === 'worker' && isHeld)
  const left: (keyof RunState)[] = OF_WORKERS.filter((field) => !isKept(field) && field in next)
  if (isRunning) left.push(...OF_ENDS.filter((field) => field in next))
  if (!isRunning && 'cancelRequest' in next) left.push('cancelRequest')
  if (patch.step !== undefined && patch.stepStartedAt === undefined) left.push('stepStartedAt')
  return left.length === 0 ? next : without(next, left)
}

type Changeable = { -readonly [Field in keyof RunState]: RunState[Field] }

// Rare: between two saves of one worker nothing is removed, and a copy without fields is expensive.
function without(state: RunState, fields: readonly string[]): RunState {
  const kept: Record<string, unknown> = {}
  for (const field of Object.keys(state) as (keyof RunState)[]) if (!fields.includes(field)) kept[field] = state[field]
  return kept as RunState
}

/** Whether a change other than progress was noted since the state was saved. */
export function hasNewsSince(saved: RunState, noted: RunState): boolean {
  const fields = ['warnings', 'attempts', 'candidates', 'video', 'isDegraded'] as const
  return fields.some((field) => noted[field] !== saved[field])
}
