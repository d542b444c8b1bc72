import { describe, expect, it } from 'vitest'
import { continueAfterRace } from '../../../src/pipeline/journal/lost-race.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { acceptedJob, NOW, READY, SENDING, sessionOf, stateOf, storeOf, UNKNOWN } from '../generate/prepared-runs.js'

type Changes = Partial<RunState>

const JOB: Changes = { submission: acceptedJob('x') }
const UNSENT = { submission: undefined } as object
const aborted: Changes = { status: 'failed', isAborted: true, endedAt: NOW }

/** What a process that loaded `saved` and noted `own` continues with, after another process saved `other`. */
async function raceOf(saved: Changes, own: Changes, other: Changes) {
  const clock = manualClock()
  const state = stateOf('run_1', saved)
  const store = await storeOf([state], clock)
  const generator = fakeTaskGenerator({ name: 'first' })
  const session = sessionOf({ generator, store, clock }, state)
  session.journal.note(own)
  await store.save('run_1', 1, toStoredRun(stateOf('run_1', other)))
  const doesContinue = await continueAfterRace(session)
  return { doesContinue, session, generator, stored: (await store.load('run_1'))?.state }
}

describe('after a lost race', () => {
  it.each<[string, Changes, Changes, Changes]>([
    ['has no job', { submission: SENDING }, { submission: UNKNOWN }, { submission: READY }],
    ['has no submission, of version 0.1.0', UNSENT, {}, { submission: READY }],
    ['has only the job that the store knows', JOB, {}, { submission: UNKNOWN }],
    ['has the same job as the other', { submission: SENDING }, JOB, JOB],
  ])('a process that %s takes what the other saved', async (_, saved, own, other) => {
    const { doesContinue, session, generator } = await raceOf(saved, own, other)
    expect(doesContinue).toBe(false)
    expect(session.state.submission).toEqual(other.submission)
    expect([session.state.warnings, generator.cancelCount]).toEqual([[], 0])
  })

  it.each<[string, Changes]>([
    ['is running', { submission: UNKNOWN }],
    ['is in review', { submission: UNKNOWN, status: 'needs-review', endedAt: NOW }],
  ])('the job that this process alone knows is not forgotten, where the run %s', async (_, other) => {
    const { doesContinue, session } = await raceOf({ submission: SENDING }, JOB, other)
    expect([doesContinue, session.state.submission]).toEqual([true, JOB.submission])
  })

  it.each<[string, Changes]>([
    ['has another job', { submission: acceptedJob('y') }],
    ['is at its next submission', { submission: { ...READY, number: 2 } }],
    ['lost its submission', UNSENT],
    ['failed', { submission: SENDING, status: 'failed', endedAt: NOW }],
  ])('a job that the run has no place for is a warning, where that %s', async (_, other) => {
    const { doesContinue, session, generator } = await raceOf({ submission: SENDING }, JOB, other)
    const message = 'A second job was accepted; check it at first: {"id":"x"}'
    expect(doesContinue).toBe(false)
    expect(session.state.warnings).toEqual([{ code: 'duplicate-submission', message, stage: 'generate' }])
    expect(generator.cancelCount).toBe(0)
  })

  it('the job of a run that was aborted meanwhile is stopped, and saved with what is left of it', async () => {
    const { stored, generator } = await raceOf({ submission: SENDING }, JOB, { submission: SENDING, ...aborted })
    const { handle } = acceptedJob('x')
    expect(generator.cancelCount).toBe(1)
    expect(stored).toMatchObject({ status: 'failed', ...JOB, upstream: { state: 'cancelled', handle } })
  })
})
