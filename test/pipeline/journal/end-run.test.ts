import { describe, expect, it } from 'vitest'
import type { SoraPipelineErrorJson } from '../../../src/contracts/errors.js'
import { RunStateError, type RunStore, SubmissionUnknownError, UpstreamHttpError } from '../../../src/index.js'
import { endRun } from '../../../src/pipeline/journal/end-run.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { storedRequest } from '../../../src/pipeline/state/stored-request.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import {
  acceptedJob,
  NOW,
  READY,
  REQUEST,
  SENDING,
  sessionOf,
  stateOf,
  storeOf,
  UNKNOWN,
} from '../generate/prepared-runs.js'
import { down, recordedStore } from './recorded-store.js'

type Changes = Partial<RunState>
type Upstream = NonNullable<RunState['upstream']>

const PNG = { bytes: new Uint8Array([137, 80, 78, 71]), mediaType: 'image/png' }
const { request, media } = storedRequest({ ...REQUEST, image: PNG }, { canKeepMedia: true })
const REFUSED = new UpstreamHttpError('Could not submit, HTTP 400: host', { status: 400 }).toJSON()
const LOST = new SubmissionUnknownError('Could not tell whether the job was accepted').toJSON()
const HEARD_NOTHING: Upstream = { state: 'unknown', generator: 'first' }
const leftWith = (id: string, state: Upstream['state'] = 'cancelled'): Upstream => {
  return { state, generator: 'first', handle: acceptedJob(id).handle }
}

/** The end of `run_1` by a process that opened it. */
async function world(changes: Changes, change: (store: RunStore) => Partial<RunStore> = () => ({}), isResident = true) {
  const clock = manualClock()
  const state = stateOf('run_1', { request, ...changes })
  const memory = await storeOf([state], clock)
  await memory.putMedia?.('run_1', media[0]?.sha256 ?? '', PNG.bytes)
  const { store, callsOf } = recordedStore(memory, change(memory))
  const generator = fakeTaskGenerator({ name: 'first' })
  const session = sessionOf({ generator, store, clock, isResident }, state)
  const end = async (error: SoraPipelineErrorJson, isAborted: boolean, upstream?: Upstream) => {
    await clock.runUntil(endRun({ log: session.log, session }, error, { isAborted, upstream }))
    const events = []
    for await (const { runId: _id, sequence: _sequence, at: _at, ...event } of session.log.read()) events.push(event)
    return events
  }
  const stored = async () => (await memory.load('run_1'))?.state
  const isMediaKept = async () => (await memory.getMedia?.(media[0]?.sha256 ?? '')) !== undefined
  return { clock, memory, session, generator, callsOf, end, stored, isMediaKept }
}

/** A store where another process saves a state right before each of the first saves of this one. */
const racing =
  (...others: readonly Changes[]) =>
  (store: RunStore): Partial<RunStore> => {
    let races = 0
    const save: RunStore['save'] = async (...given) => {
      const other = others[races]
      races += 1
      if (other) await store.save('run_1', races, toStoredRun(stateOf('run_1', { request, ...other })))
      return store.save(...given)
    }
    return { save }
  }

describe('a run that failed', () => {
  it.each<[string, Changes, boolean, boolean]>([
    ['every submission was refused', { submission: SENDING, refusals: 1 }, false, true],
    ['nothing was sent', { submission: READY }, false, true],
    ['a lookup proved that its submission was not accepted', { submission: { ...READY, sentAt: 1 } }, false, true],
    ['its submission was not accepted, after a job failed', { submission: { ...READY, number: 2 } }, false, false],
    ['a job was accepted', { submission: acceptedJob('x') }, false, false],
    ['it was aborted before anything was sent', { submission: READY }, true, false],
  ])('surely paid nothing, where %s', async (_, changes, isAborted, isRefused) => {
    const { end, stored, isMediaKept } = await world(changes)
    await end(REFUSED, isAborted)
    const state = await stored()
    expect(state).toMatchObject({ status: 'failed', endedAt: NOW, isAborted, error: REFUSED })
    expect(Object.hasOwn(state ?? {}, 'isRefused')).toBe(isRefused)
    expect(state?.isRefused).toBe(isRefused ? true : undefined)
    expect(await isMediaKept()).toBe(false)
  })

  it('is in review, with its media, when the outcome of its submission is not known', async () => {
    for (const submission of [UNKNOWN, READY]) {
      const { end, stored, isMediaKept } = await world({ submission })
      await end(LOST, false)
      const state = await stored()
      expect(state).toMatchObject({ status: 'needs-review', error: LOST })
      expect(state).not.toHaveProperty('isRefused')
      expect(await isMediaKept()).toBe(true)
    }
  })

  it('keeps what is left at its generator', async () => {
    const { end, stored } = await world({ submission: acceptedJob('x') })
    const events = await end(REFUSED, true, leftWith('x'))
    expect(await stored()).toMatchObject({ upstream: leftWith('x') })
    expect(events).toEqual([{ type: 'run-failed', error: REFUSED, isAborted: true, upstream: leftWith('x') }])
  })

  it('because of the store is unchanged there', async () => {
    const { end, callsOf } = await world({ submission: UNKNOWN })
    const error = new RunStateError('Could not continue the run, the store is down: run_1').toJSON()
    expect(await end(error, false)).toEqual([{ type: 'run-failed', error, isAborted: false }])
    expect(callsOf('save')).toEqual([])
  })

  it('before it had an answer of the store is still reported', async () => {
    const { session } = await world({})
    await endRun({ log: session.log, session: undefined }, REFUSED, { isAborted: true, upstream: HEARD_NOTHING })
    const events = []
    for await (const event of session.log.read()) events.push(event)
    expect(events).toMatchObject([{ type: 'run-failed', error: REFUSED, isAborted: true, upstream: HEARD_NOTHING }])
  })

  it('is reported with a warning when its end cannot be saved', async () => {
    const { end } = await world({ submission: READY }, () => ({ save: down }))
    const message = 'Could not save the end of the run: run-state'
    expect(await end(REFUSED, false)).toEqual([
      { type: 'warning', code: 'store-unavailable', message },
      { type: 'run-failed', error: REFUSED, isAborted: false },
    ])
  })
})

describe('a run that another worker holds', () => {
  it('is not ended by a process that only watches it', async () => {
    const { end, callsOf } = await world({ submission: UNKNOWN, worker: 'live' })
    await end(REFUSED, false)
    expect(callsOf('save')).toEqual([])
  })

  it('is ended by a call of advance that found it free, unless another process was faster', async () => {
    const other: Changes = { submission: UNKNOWN, worker: 'live' }
    const first = await world(other, undefined, false)
    await first.end(REFUSED, false)
    expect(await first.stored()).toMatchObject({ status: 'failed' })
    const second = await world({ submission: UNKNOWN }, racing(other), false)
    await second.end(REFUSED, false)
    expect(await second.stored()).toMatchObject({ status: 'running', worker: 'live' })
  })

  it('is ended by an abort from anywhere', async () => {
    const { end, stored } = await world({ submission: UNKNOWN, worker: 'live' })
    await end(REFUSED, true, HEARD_NOTHING)
    expect(await stored()).toMatchObject({ status: 'failed', isAborted: true, upstream: HEARD_NOTHING })
  })
})

describe('an end that another process saves in between', () => {
  it('is saved over what that saved, and the job that it has by now is stopped as well', async () => {
    const { end, stored, generator } = await world(
      { submission: SENDING, worker: 'live' },
      racing({ submission: acceptedJob('x'), worker: 'live' }),
    )
    const events = await end(REFUSED, true, HEARD_NOTHING)
    expect(await stored()).toMatchObject({ status: 'failed', isAborted: true, upstream: leftWith('x') })
    expect(events.at(-1)).toMatchObject({ upstream: leftWith('x') })
    expect(generator.cancelCount).toBe(1)
  })

  it.each<[string, Changes, boolean]>([
    ['the same job', { submission: acceptedJob('x') }, true],
    ['its end', { submission: acceptedJob('y'), status: 'failed', endedAt: NOW }, true],
    ['another job of a run that was not aborted', { submission: acceptedJob('y') }, false],
  ])('stops nothing more where that saved %s', async (_, other, isAborted) => {
    const { end, generator } = await world({ submission: acceptedJob('x') }, racing(other))
    await end(REFUSED, isAborted, leftWith('x'))
    expect(generator.cancelCount).toBe(0)
  })

  it('is tried five times', async () => {
    const other: Changes = { submission: acceptedJob('x') }
    const lucky = await world(other, racing(other, other, other, other))
    await lucky.end(REFUSED, true, leftWith('x'))
    expect(await lucky.stored()).toMatchObject({ status: 'failed' })
    const unlucky = await world(other, racing(other, other, other, other, other, other))
    const message = 'Could not save the end of the run: run-fenced'
    expect(await unlucky.end(REFUSED, true, leftWith('x'))).toMatchObject([{ message }, { type: 'run-failed' }])
    expect(unlucky.callsOf('save')).toHaveLength(5)
  })
})

describe('the last event of a run that was aborted while another process submits', () => {
  /** What the last event reports, and when; the other process saves its word after some time. */
  async function wordAfter(
    ms: number,
    { isWatcher = true, isSubmitting = false, isAborted = true, changes = {} as Changes } = {},
  ) {
    const all = await world({ submission: SENDING, worker: 'live', ...changes })
    all.session.isWatcher = isWatcher
    if (isSubmitting) all.session.submitting = new Promise(() => {})
    const ending = all.end(REFUSED, isAborted, HEARD_NOTHING)
    await all.clock.advance(0)
    const saved = all.clock.sleep(ms).then(async () => {
      const { version = 0, state } = (await all.memory.load('run_1')) ?? {}
      await all.memory.save(
        'run_1',
        version,
        toStoredRun({ ...(state as unknown as RunState), upstream: leftWith('x') }),
      )
    })
    const last = (await ending).at(-1)
    const endedMs = all.clock.monotonic()
    await all.clock.runUntil(saved)
    return { upstream: Object(last).upstream as Upstream, endedMs }
  }

  it('waits for the report of that process', async () => {
    expect(await wordAfter(600)).toEqual({ upstream: leftWith('x'), endedMs: 750 })
  })

  it('waits for two seconds', async () => {
    expect(await wordAfter(2100)).toEqual({ upstream: HEARD_NOTHING, endedMs: 2000 })
  })

  it.each<[string, Parameters<typeof wordAfter>[1]]>([
    ['this process held the run itself', { isWatcher: false }],
    ['the outcome was lost before', { changes: { submission: UNKNOWN } }],
    ['this process submits itself', { isSubmitting: true }],
    ['the run only fails', { isAborted: false }],
  ])('does not wait where %s', async (_, options) => {
    expect(await wordAfter(600, options)).toEqual({ upstream: HEARD_NOTHING, endedMs: 0 })
  })

  it('does not wait where nothing is left at the generator', async () => {
    // Of a submission that was surely refused.
    const { end, session, clock } = await world({ submission: SENDING, worker: 'live' })
    session.isWatcher = true
    expect(await end(REFUSED, true)).toEqual([{ type: 'run-failed', error: REFUSED, isAborted: true }])
    expect(clock.monotonic()).toBe(0)
  })
})
