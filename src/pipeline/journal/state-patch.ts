import type { RunState, TimeMark } from '../state/run-state.js'

/** Changes of a state. */
export type StatePatch = Partial<Omit<RunState, 'v' | 'id' | 'worker' | 'time'>>

/** A state with its changes. Schedules may return fractions of a millisecond; stores index whole ones. */
export function noted(state: RunState, patch: StatePatch): RunState {
  const next = { ...state, ...patch }
  return Number.isInteger(next.wakeAt) ? next : { ...next, wakeAt: Math.ceil(next.wakeAt) }
}

const LEFT_BY_WORKERS = ['formerLease', 'time', 'worker'] as const
const LEFT_BY_ENDS = ['error', 'endedAt', 'isAborted', 'isRefused', 'upstream'] as const

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
  const isTakenOver = hold !== undefined && hold.saved.worker !== hold.worker
  const epoch = isTakenOver ? hold.saved.epoch + 1 : state.epoch
  const isEntered = patch.step === undefined || patch.stepStartedAt !== undefined
  const marks = isRunning ? { time, ...(hold && { worker: hold.worker }) } : {}
  const next = noted(state, { ...patch, epoch, ...marks })
  const left = [
    ...LEFT_BY_WORKERS.filter((field) => !(field in marks)),
    ...(isRunning ? LEFT_BY_ENDS : []),
    ...(isEntered ? [] : (['stepStartedAt'] as const)),
  ]
  return without(next, left)
}

// Most states have none of the fields, and a copy without fields is expensive.
function without(state: RunState, fields: readonly (keyof RunState)[]): RunState {
  const present = fields.filter((field) => field in state)
  if (present.length === 0) return state
  return Object.fromEntries(Object.entries(state).filter(([field]) => !present.includes(field as never))) as RunState
}

/** Whether a change other than progress was noted since the state was saved. */
export function hasNewsSince(saved: RunState, noted: RunState): boolean {
  const fields = ['warnings', 'attempts', 'candidates', 'video', 'isDegraded'] as const
  return fields.some((field) => noted[field] !== saved[field])
}
