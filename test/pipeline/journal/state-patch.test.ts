import { describe, expect, it } from 'vitest'
import { noted, patchedState } from '../../../src/pipeline/journal/state-patch.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { NOW, stateOf } from '../generate/prepared-runs.js'

const time = { wall: NOW + 9, run: NOW + 8 }
const stored = (state: RunState) => ({ worker: 'own', saved: state })

describe('the start of a step', () => {
  const { stepStartedAt: _, ...unstarted } = stateOf('run_1')

  it.each<[string, RunState, Parameters<typeof patchedState>[1], number | undefined]>([
    ['stays while the step does', stateOf('run_1'), { wakeAt: NOW + 5 }, NOW],
    ['is that of the next step', stateOf('run_1'), { step: 'publish', stepStartedAt: NOW + 7 }, NOW + 7],
    ['is not that of the step before', stateOf('run_1'), { step: 'publish' }, undefined],
    ['is unknown before there is one', unstarted, { wakeAt: NOW + 5 }, undefined],
  ])('%s', (_name, state, patch, startedAt) => {
    const saved = patchedState(state, patch, time, undefined)
    expect(saved.stepStartedAt).toBe(startedAt)
    // A field without a value is lost in a store: the state must be the same before and after.
    expect(JSON.parse(JSON.stringify(saved))).toStrictEqual(saved)
  })
})

describe('a state that is saved', () => {
  it('names the worker that holds the run, and counts how often it was taken over', () => {
    const state = stateOf('run_1', { worker: 'other', epoch: 3 })
    expect(patchedState(state, {}, time, stored(state))).toMatchObject({ worker: 'own', epoch: 4, time })
    const own = stateOf('run_1', { worker: 'own', epoch: 3 })
    expect(patchedState(own, {}, time, stored(own))).toMatchObject({ worker: 'own', epoch: 3 })
  })

  it('names none when the run is let go of, or has ended', () => {
    const state = stateOf('run_1', { worker: 'own', formerLease: { owner: 'old', until: NOW } })
    const free = patchedState(state, {}, time, undefined)
    const ended = patchedState(state, { status: 'failed', endedAt: NOW }, time, stored(state))
    for (const saved of [free, ended]) expect(saved).not.toMatchObject({ worker: expect.anything() })
    for (const saved of [free, ended]) expect(saved).not.toHaveProperty('formerLease')
    expect(ended).not.toHaveProperty('time')
  })

  it('is due in whole milliseconds', () => {
    expect(noted(stateOf('run_1'), { wakeAt: NOW + 0.2 }).wakeAt).toBe(NOW + 1)
  })
})
