import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RunTime } from '../../../src/pipeline/journal/run-time.js'
import { leftMs, runTimeAt, waitMsAt } from '../../../src/pipeline/journal/time-left.js'
import { newRunState } from '../../../src/pipeline/state/run-state.js'
import { firstSubmission } from '../../../src/pipeline/state/submission.js'
import { steppingClock } from '../../support/stepping-clock.js'

const START = 1_767_225_600_000
const HOUR_MS = 3_600_000

function stateAt(now: number) {
  const submission = firstSubmission(null, { name: 'g' })
  const identity = { fingerprint: 'f' }
  return newRunState({
    id: 'r',
    request: { prompt: '' },
    identity,
    now,
    totalMs: HOUR_MS,
    isCallerId: false,
    submission,
  })
}

describe('the time of a run that is loaded', () => {
  it('leaves a deadline its remainder by the wall clock, from 0 to what was left at the save', () => {
    const ms = fc.integer({ min: -2 * HOUR_MS, max: 2 * HOUR_MS })
    const aged = fc.integer({ min: 0, max: HOUR_MS })
    fc.assert(
      fc.property(aged, ms, ms, (agedMs, driftMs, outageMs) => {
        const state = { ...stateAt(START), time: { wall: START + agedMs + driftMs, run: START + agedMs } }
        const saved = leftMs(state.time.run, state.deadlineAt)
        const left = Math.max(0, leftMs(runTimeAt(state, state.time.wall + outageMs), state.deadlineAt))
        expect(left).toBe(Math.min(saved, Math.max(0, saved - outageMs)))
      }),
    )
  })

  it('is that of the wall clock without a mark, and never before what the state reports', () => {
    const { time: _time, ...state } = { ...stateAt(START), stepStartedAt: START + 500 }
    expect(runTimeAt(state, START + 9000)).toBe(START + 9000)
    expect(runTimeAt(state, START - HOUR_MS)).toBe(START + 500)
    expect(runTimeAt({ ...stateAt(START), stepStartedAt: START + HOUR_MS }, START)).toBe(START + HOUR_MS)
  })

  it('waits for what is due, and not after the clock was set back', () => {
    const state = { ...stateAt(START), wakeAt: START + 3000 }
    expect(waitMsAt(state, START + 1000)).toBe(2000)
    expect(waitMsAt(state, START + HOUR_MS)).toBe(0)
    expect(waitMsAt(state, START - 1000)).toBe(4000)
    expect(waitMsAt(state, START - 10_000)).toBe(13_000)
    expect(waitMsAt(state, START - 10_001)).toBe(0)
    expect(waitMsAt(state, START - HOUR_MS)).toBe(0)
  })

  it('has no end without a deadline', () => {
    expect(leftMs(START, undefined)).toBe(Number.POSITIVE_INFINITY)
    expect(leftMs(START, START + 5, START - 5)).toBe(-5)
  })
})

describe('the time of a run in a process', () => {
  it('counts elapsed time, however often the wall clock steps and the state is saved and loaded again', async () => {
    const stepMs = fc.integer({ min: -HOUR_MS, max: HOUR_MS })
    const action = fc.record({
      stepMs,
      passMs: fc.integer({ min: 0, max: 60_000 }),
      does: fc.constantFrom('save', 'load'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 20 }), async (actions) => {
        const clock = steppingClock({ now: START })
        let saved = stateAt(START)
        const time = new RunTime(clock, saved)
        let passed = 0
        for (const { stepMs, passMs, does } of actions) {
          clock.step(stepMs)
          await clock.advance(passMs)
          passed += passMs
          if (does === 'save') {
            saved = { ...saved, time: time.mark() }
            time.saved(saved)
          } else time.adopt({ ...saved })
          expect(time.now()).toBeCloseTo(START + passed, 3)
        }
      }),
      { numRuns: 50 },
    )
  })

  it('counts what another process saved as at most as old as its own last look', async () => {
    const clock = steppingClock({ now: START })
    const state = stateAt(START)
    const time = new RunTime(clock, state)
    await clock.advance(1000)
    const other = { ...state, time: { wall: START + 500, run: START + 500 }, wakeAt: START + 2500 }
    clock.step(HOUR_MS)
    time.adopt(other)
    expect(time.now()).toBe(START + 1500)
    expect(time.waitMs).toBe(0)
  })
})
