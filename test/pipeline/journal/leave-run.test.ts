import { describe, expect, it } from 'vitest'
import type { RunStore } from '../../../src/index.js'
import { leaveRun } from '../../../src/pipeline/journal/leave-run.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { storedRequest } from '../../../src/pipeline/state/stored-request.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { acceptedJob, NOW, REQUEST, sessionOf, stateOf, storeOf } from '../generate/prepared-runs.js'
import { down, recordedStore } from './recorded-store.js'

const PNG = { bytes: new Uint8Array([137, 80, 78, 71]), mediaType: 'image/png' }
const { request, media } = storedRequest({ ...REQUEST, image: PNG }, { canKeepMedia: true })
const MINUTE_MS = 60_000

/** A process that holds `run_1` with its job; then its store goes down for some time. */
async function world(downMs: number) {
  const clock = manualClock()
  const state = stateOf('run_1', { request, submission: acceptedJob('x') })
  const memory = await storeOf([state], clock)
  await memory.putMedia?.('run_1', media[0]?.sha256 ?? '', PNG.bytes)
  let upAt = 0
  const save: RunStore['save'] = (...given) => (clock.monotonic() < upAt ? down() : memory.save(...given))
  const { store, callsOf } = recordedStore(memory, { save })
  const session = sessionOf({ generator: fakeTaskGenerator({ name: 'first' }), store, clock }, state)
  await session.journal.hold()
  upAt = clock.monotonic() + downMs
  const stored = async () => (await memory.load('run_1'))?.state
  const isMediaKept = async () => (await memory.getMedia?.(media[0]?.sha256 ?? '')) !== undefined
  return { clock, session, stored, isMediaKept, callsOf }
}

describe('a run that this process leaves', () => {
  it.each([0, MINUTE_MS])('is free as soon as the store works, here after %s ms', async (downMs) => {
    const { clock, session, stored, isMediaKept } = await world(downMs)
    leaveRun(session)
    await clock.advance(2 * downMs)
    const state = await stored()
    expect(state).toMatchObject({ status: 'running', submission: { handle: acceptedJob('x').handle } })
    expect(state).not.toHaveProperty('worker')
    expect(await isMediaKept()).toBe(true)
  })

  it.each<[Partial<RunState>, boolean]>([
    [{ status: 'failed', endedAt: NOW }, false],
    [{ status: 'completed', endedAt: NOW }, false],
    [{ status: 'needs-review', endedAt: NOW }, true],
  ])('and that ended as %o has its end saved, also after a minute', async (end, isKept) => {
    const { clock, session, stored, isMediaKept } = await world(MINUTE_MS)
    await session.journal.save(end)
    leaveRun(session)
    await clock.advance(MINUTE_MS - 1)
    expect(await stored()).toMatchObject({ status: 'running' })
    await clock.advance(MINUTE_MS)
    expect(await stored()).toMatchObject(end)
    expect(await isMediaKept()).toBe(isKept)
  })

  it('and whose end is in the store costs nothing more', async () => {
    const { clock, session, callsOf } = await world(0)
    await session.journal.save({ status: 'failed', endedAt: NOW })
    leaveRun(session)
    await clock.advance(MINUTE_MS)
    expect([callsOf('save').length, clock.pending]).toEqual([2, 0])
  })
})
