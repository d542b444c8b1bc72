import type { RunState, TimeMark } from '../state/run-state.js'

/** Changes of a state. */
export type StatePatch = Partial<Omit<RunState, 'v' | 'id' | 'worker' | 'time'>>

/** A state with its changes. Schedules may return fractions of a millisecond; stores index whole ones. */
export function noted(state: RunState, patch: StatePatch): RunState {
  const { wakeAt, ...changed } = { ...state, ...patch }
  return { ...changed, wakeAt: Math.ceil(wakeAt) }
}

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
  const { stepStartedAt, worker: _former, formerLease: _lease, time: _time, epoch, ...rest } = noted(state, patch)
  const isEntered = patch.step === undefined || patch.stepStartedAt !== undefined
  const start = isEntered && stepStartedAt !== undefined ? { stepStartedAt } : {}
  const isTakenOver = hold !== undefined && hold.saved.worker !== hold.worker
  const common = { ...rest, ...start, epoch: isTakenOver ? hold.saved.epoch + 1 : epoch }
  if (rest.status !== 'running') return common
  const { error: _error, endedAt: _endedAt, isAborted: _isAborted, isRefused: _isRefused, ...open } = common
  const { upstream: _upstream, ...running } = open
  return { ...running, time, ...(hold && { worker: hold.worker }) }
}

/** Whether a change other than progress was noted since the state was saved. */
export function hasNewsSince(saved: RunState, noted: RunState): boolean {
  const fields = ['warnings', 'attempts', 'candidates', 'video', 'isDegraded'] as const
  return fields.some((field) => noted[field] !== saved[field])
}
