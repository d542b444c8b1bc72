import { describe, expect, it } from 'vitest'
import { RunTime } from '../../../src/pipeline/journal/run-time.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { steppingClock } from '../../support/stepping-clock.js'
import { NOW, stateOf } from '../generate/prepared-runs.js'

const HOUR_MS = 3_600_000
const state = stateOf('run_1', { wakeAt: NOW + 10_000 })

/** A run that was loaded at the first instant of the clock and saved a second later; half a second more has passed since. */
async function world(saved: RunState = state) {
  const clock = steppingClock()
  const time = new RunTime(clock, state)
  await clock.advance(1000)
  time.saved(saved)
  await clock.advance(500)
  return { clock, time }
}

describe('when a run is due', () => {
  it('counts on the monotonic clock', async () => {
    const { clock, time } = await world()
    expect(time.waitMs).toBe(8500)
    clock.step(HOUR_MS)
    expect(time.waitMs).toBe(8500)
  })

  it('is scheduled by the present wall clock', async () => {
    const { clock, time } = await world()
    clock.step(HOUR_MS)
    time.schedule(clock.now() + 3000)
    expect(time.waitMs).toBe(3000)
  })

  it('stays where nothing is scheduled', async () => {
    const { time } = await world()
    time.schedule(undefined)
    expect(time.waitMs).toBe(8500)
  })
})

describe('a state that is loaded again', () => {
  it('and is unchanged moves nothing, however the wall clock stepped', async () => {
    const { clock, time } = await world()
    clock.step(HOUR_MS)
    time.adopt({ ...state })
    expect([time.now(), time.waitMs]).toEqual([NOW + 1500, 8500])
  })

  it('and was only rescheduled moves when the run is due, and not its time', async () => {
    const { clock, time } = await world()
    clock.step(HOUR_MS)
    time.adopt({ ...state, wakeAt: clock.now() + 4000 })
    expect([time.now(), time.waitMs]).toEqual([NOW + 1500, 4000])
  })

  it.each<[string, NonNullable<RunState['time']>, number]>([
    ['both clocks', { wall: NOW + 1200, run: NOW + 7000 }, NOW + 7300],
    ['the wall clock alone', { wall: NOW + 1200, run: NOW }, NOW + 300],
    ['the time of the run alone', { wall: NOW, run: NOW + 7000 }, NOW + 7500],
  ])('and was saved with another mark of %s has that time, plus what passed since the save', async (_, mark, now) => {
    const { time } = await world()
    time.adopt({ ...state, time: mark })
    expect(time.now()).toBe(now)
  })

  it('is at most as old as the last look of this process at it', async () => {
    const { clock, time } = await world()
    clock.step(HOUR_MS)
    time.adopt({ ...state, time: { wall: NOW + 1200, run: NOW + 7000 }, wakeAt: clock.now() + 2000 })
    expect([time.now(), time.waitMs]).toEqual([NOW + 7500, 2000])
  })

  it('and was saved again with the same due time is due then by the wall clock', async () => {
    const { clock, time } = await world()
    clock.step(1000)
    time.adopt({ ...state, time: { wall: NOW + 1200, run: NOW + 1200 } })
    expect(time.waitMs).toBe(7500)
  })
})
