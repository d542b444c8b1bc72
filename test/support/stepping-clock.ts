import { type ManualClock, manualClock } from '../../src/testing/index.js'

/** A manual clock whose wall time steps, as when a machine sets its clock; its monotonic time and its sleeps do not. */
export interface SteppingClock extends ManualClock {
  step(ms: number): void
}

export function steppingClock(options: { readonly now?: number } = {}): SteppingClock {
  const clock = manualClock(options)
  let stepped = 0
  return {
    ...clock,
    get pending() {
      return clock.pending
    },
    now: () => clock.now() + stepped,
    step: (ms) => {
      stepped += ms
    },
  }
}
