import { describe, expect, it } from 'vitest'
import { FencedError, fallback, RunStateError, type RunStore } from '../../../src/index.js'
import { mayContinue, retryPatiently, takeRun, watchRun } from '../../../src/pipeline/journal/hold-run.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { acceptedJob, NOW, READY, sessionOf, stateOf, storeOf, UNKNOWN } from '../generate/prepared-runs.js'
import { down, isDown, recordedStore } from './recorded-store.js'

type Changes = Partial<RunState>

const LEASE_MS = 10_000
const generator = fallback([
  fakeTaskGenerator({ name: 'first' }),
  { ...fakeTaskGenerator({ name: 'second' }), label: 'Second' },
])

/** A process that opened `run_1`, in a store where the worker `live` beats for `ttlMs`. */
async function world(
  changes: Changes,
  {
    change = () => ({}),
    ttlMs = 60_000,
  }: { readonly change?: (store: RunStore) => Partial<RunStore>; readonly ttlMs?: number } = {},
) {
  const clock = manualClock()
  const state = stateOf('run_1', changes)
  const memory = await storeOf([state], clock)
  await memory.heartbeat('live', ttlMs)
  const { store, callsOf } = recordedStore(memory, change(memory))
  const session = sessionOf({ generator, store, clock }, state)
  return { clock, memory, session, callsOf }
}

/** In which second each try was made, until one succeeds or the last has failed. */
function trying({ clock, session }: Pick<Awaited<ReturnType<typeof world>>, 'clock' | 'session'>, successAt = 99) {
  const at: number[] = []
  const asked = retryPatiently(session, async () => {
    at.push(clock.monotonic() / 1000)
    if (at.length < successAt) return down()
    return 'answer'
  })
  return { at, asked }
}

describe('a store that is down', () => {
  const DOWN = 'Could not continue the run, the store is down: run_1'

  it('is tried eight times within about two minutes', async () => {
    const run = await world({ submission: UNKNOWN })
    const { at, asked } = trying(run)
    await expect(run.clock.runUntil(asked)).rejects.toMatchObject(isDown(DOWN))
    expect(at).toEqual([0, 1, 3, 7, 15, 31, 63, 127])
  })

  it('ends no run when it works again', async () => {
    const run = await world({ submission: UNKNOWN })
    const { at, asked } = trying(run, 3)
    expect(await run.clock.runUntil(asked)).toBe('answer')
    expect(at).toEqual([0, 1, 3])
  })

  it.each([
    ['is tried until the deadline of the run', UNKNOWN, [0, 1, 3, 5]],
    ['is tried until the deadline of a run of version 0.1.0 without a submission', undefined, [0, 1, 3, 5]],
    ['is tried past the deadline of a job, which is paid', acceptedJob('x'), [0, 1, 3, 7, 15, 31, 63, 127]],
  ])('%s', async (_, submission, tries) => {
    const run = await world({ submission, deadlineAt: NOW + 5000 } as Changes)
    const { at, asked } = trying(run)
    const handle = submission?.state === 'accepted' ? submission.handle : undefined
    const outcome = await run.clock.runUntil(asked.catch((error: unknown) => error))
    expect(outcome).toMatchObject({ ...isDown(DOWN), ...(handle && { handle }) })
    expect(at).toEqual(tries)
  })

  it.each([
    ['a lost race', new FencedError('Could not save the run, version 1 is not the newest: run_1')],
    ['a state that cannot be read', new RunStateError('Could not read the run')],
  ])('is not one that answers with %s', async (_, answer) => {
    const { session, clock } = await world({ submission: UNKNOWN })
    await expect(retryPatiently(session, () => Promise.reject(answer))).rejects.toBe(answer)
    expect(clock.pending).toBe(0)
  })

  it.each<[string, Changes, Changes, boolean]>([
    ['leaves a job that the store knows', { submission: acceptedJob('x') }, {}, true],
    ['leaves a submission without a job', { submission: UNKNOWN }, {}, true],
    [
      'does not leave a job that the store does not know',
      { submission: UNKNOWN },
      { submission: acceptedJob('x') },
      false,
    ],
    [
      'does not leave the second job of a run, whose first the store knows',
      { submission: acceptedJob('x') },
      { submission: { ...acceptedJob('y'), number: 2 } },
      false,
    ],
  ])('while this process closes: it %s', async (_, saved, since, isLeft) => {
    const run = await world(saved)
    run.session.journal.note(since)
    const { asked } = trying(run, 3)
    const closing = new RunStateError('Could not continue the run, its pipeline is closed: run_1')
    const outcome = asked.catch((error: unknown) => error)
    await run.clock.advance(0)
    run.session.waits.leave(closing)
    await run.clock.advance(60_000)
    expect(await outcome).toBe(isLeft ? closing : 'answer')
  })
})

describe('a run that is taken', () => {
  it('is held from then on, and interrupted when another process saves it', async () => {
    const { session, clock, memory } = await world({ submission: UNKNOWN })
    await takeRun(session)
    expect([session.journal.isHeld, mayContinue(session)]).toEqual([true, true])
    await clock.advance(3 * LEASE_MS)
    expect([session.journal.isHeld, session.signal.aborted]).toEqual([true, false])
    await memory.save('run_1', 2, toStoredRun(stateOf('run_1', { worker: 'live' })))
    await clock.advance(LEASE_MS / 3)
    expect(session.signal.reason).toMatchObject({ code: 'run-fenced' })
    session.letGo()
  })

  it.each<[string, Changes['submission'], boolean]>([
    ['whose job is paid continues', acceptedJob('x'), true],
    ['without a job does not continue', UNKNOWN, false],
    ['before its submission does not continue', READY, false],
    ['of version 0.1.0 without a submission does not continue', undefined, false],
  ])('%s while the store is down, once holding it was tried again', async (_, submission, may) => {
    let isDownNow = false
    const { session, clock } = await world({ submission } as Changes, {
      change: (store) => ({
        save: (...given) => (isDownNow ? down() : store.save(...given)),
        heartbeat: (...given) => (isDownNow ? down() : store.heartbeat(...given)),
      }),
    })
    await takeRun(session)
    isDownNow = true
    await clock.advance(2 * LEASE_MS)
    expect(mayContinue(session)).toBe(false)
    const taken = takeRun(session).catch((error: unknown) => error)
    await clock.advance(0)
    expect(mayContinue(session)).toBe(may)
    if (may) expect(await taken).toBeUndefined()
    else expect(await clock.runUntil(taken)).toMatchObject({ code: 'run-state', isRetryable: true })
    session.letGo()
  })

  it('by another process is left to it', async () => {
    const { session, memory } = await world({ submission: acceptedJob('x') })
    await memory.save('run_1', 1, toStoredRun(stateOf('run_1', { worker: 'live' })))
    await expect(takeRun(session)).rejects.toMatchObject({ code: 'run-fenced' })
  })
})

describe('a run that another worker holds', () => {
  it.each<[string, number, number]>([
    ['once a second', 60_000, 1000],
    ['four times a lease, where that is short', 2000, 500],
  ])('is read %s', async (_, ttlMs, everyMs) => {
    const { session, clock, memory, callsOf } = await world({ worker: 'live' }, { ttlMs })
    const watching = watchRun(session)
    await clock.advance(0)
    for (let reads = 1; reads <= 3; reads += 1) {
      expect(callsOf('load')).toHaveLength(reads)
      await clock.advance(everyMs - 1)
      expect(callsOf('load')).toHaveLength(reads)
      await clock.advance(1)
    }
    await memory.save('run_1', 1, toStoredRun(stateOf('run_1')))
    await clock.runUntil(watching)
    expect(session.state).not.toHaveProperty('worker')
  })

  it.each<[string, Changes, number, number]>([
    ['is let go of', { worker: 'gone' }, 0, 1],
    ['was held by a process of version 0.1.0', { formerLease: { owner: 'old', until: NOW + 2500 } }, 2501, 4],
  ])('is watched until it %s', async (_, changes, freeMs, reads) => {
    const { session, clock, callsOf } = await world(changes)
    await clock.runUntil(watchRun(session))
    expect([clock.monotonic(), callsOf('load').length]).toEqual([freeMs, reads])
  })

  it('is watched until it has ended', async () => {
    const { session, clock, memory } = await world({ worker: 'live' })
    const watching = watchRun(session)
    await clock.advance(0)
    await memory.save('run_1', 1, toStoredRun(stateOf('run_1', { worker: 'live', status: 'failed', endedAt: NOW })))
    await clock.runUntil(watching)
    expect(session.state.status).toBe('failed')
  })
})

describe('the progress that another worker reports', () => {
  /** The progress events of this process, one second after each report. */
  async function relayed(changes: Changes, reports: readonly object[]) {
    const { session, clock, memory } = await world({ worker: 'live', ...changes })
    const watching = watchRun(session)
    for (const progress of reports) {
      await memory.report?.('live', [{ id: 'run_1', progress: progress as never }])
      await clock.advance(1000)
    }
    session.waits.leave(new RunStateError('closed'))
    await watching.catch(() => undefined)
    session.log.append({ type: 'run-failed', error: new RunStateError('closed').toJSON(), isAborted: false })
    const events = []
    for await (const event of session.log.read()) if (event.type === 'stage-progressed') events.push(event)
    return events.map(({ type: _type, runId: _id, sequence: _sequence, at: _at, ...event }) => event)
  }

  it('is reported here, once, with the generator that has the job', async () => {
    const half = { stage: 'generate', ratio: 0.5, phase: 'running' }
    const queued = { stage: 'generate', phase: 'queued' }
    const submission = { ...acceptedJob('x'), generator: 'second' }
    expect(await relayed({ submission }, [queued, half, half, half])).toStrictEqual([
      { stage: 'generate', strategy: 'second', label: 'Second', phase: 'queued', elapsedMs: 0 },
      { stage: 'generate', strategy: 'second', label: 'Second', ratio: 0.5, phase: 'running', elapsedMs: 2000 },
    ])
  })

  it.each<[string, Changes, string]>([
    [
      'of the first generator, where the one of the job is not in the chain',
      { submission: { ...UNKNOWN, generator: 'gone' } },
      'first',
    ],
    ['of the first generator, for version 0.1.0', { submission: undefined } as object, 'first'],
  ])('is %s', async (_, changes, strategy) => {
    const events = await relayed(changes, [{ stage: 'generate', ratio: 0.5 }])
    expect(events.at(-1)).toStrictEqual({ stage: 'generate', strategy, ratio: 0.5, elapsedMs: 0 })
  })

  it('names the stage where this process has no strategy for it', async () => {
    const events = await relayed({ step: 'publish' }, [{ stage: 'publish', ratio: 0.5 }])
    expect(events).toStrictEqual([{ stage: 'publish', strategy: 'publish', ratio: 0.5, elapsedMs: 0 }])
  })

  it('may be missing after another worker took the run over', async () => {
    const { session, clock, memory } = await world({ worker: 'live' })
    const watching = watchRun(session)
    await memory.report?.('live', [{ id: 'run_1', progress: { stage: 'generate', ratio: 0.5 } }])
    await clock.advance(0)
    await memory.heartbeat('next', 60_000)
    await memory.save('run_1', 1, toStoredRun(stateOf('run_1', { worker: 'next' })))
    await clock.advance(1000)
    await memory.save('run_1', 2, toStoredRun(stateOf('run_1')))
    await clock.runUntil(watching)
    expect([session.log.latestProgress, session.journal.version]).toEqual([{ stage: 'generate', ratio: 0.5 }, 3])
  })

  it('of a step that is over is not reported', async () => {
    expect(await relayed({ step: 'publish' }, [{ stage: 'generate', ratio: 0.5 }])).toEqual([])
  })
})
