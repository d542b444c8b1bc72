import { describe, expect, it } from 'vitest'
import { memoryStore, RunStateError, type RunStore, SoraPipeline, type StoredRun } from '../../src/index.js'
import { fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'
import { handlerOf } from '../http/handler-call.js'

const request = { prompt: 'A cat', metadata: { order: 'order_7' }, durationSeconds: 8 }
const OWNER = 'ann'
const KEYS = { apiKeys: [{ key: 'sk-of-ann-0123456789', owner: OWNER }] }
const CALLER = { key: 'sk-of-ann-0123456789' }
const QUERY = { order: 'oldest-first', limit: 100 } as const

type Spoil = (state: StoredRun) => unknown
const loose =
  (changes: object): Spoil =>
  (state) => ({ ...state, ...changes })

const SPOILED: Readonly<Record<string, Spoil>> = {
  'a later version': loose({ v: 3 }),
  'a version that is a text': loose({ v: '2' }),
  'no version': ({ v: _, ...rest }) => rest,
  'a broken submission': loose({ submission: { state: 'accepted' } }),
  'no request': loose({ request: null }),
  'broken metadata': loose({ request: { prompt: 'A cat', metadata: null } }),
  'an unknown step': loose({ step: 'dance' }),
  'nothing but a status': ({ status, wakeAt }) => ({ status, wakeAt }),
  null: () => null,
  'a text': () => 'state',
  'a list': () => [],
}

/** A store that gives other states of some runs, or throws. */
function spoiling(inner: RunStore, spoil: ReadonlyMap<string, Spoil>): RunStore {
  return {
    ...inner,
    load: async (id) => {
      const loaded = await inner.load(id)
      const change = spoil.get(id)
      return loaded && change ? { ...loaded, state: change(loaded.state) as StoredRun } : loaded
    },
  }
}

const broken: Spoil = () => {
  throw new RunStateError('Could not read the run, its file is broken: bad')
}

async function setUp(spoil: Spoil, { isEnded = false } = {}) {
  const clock = manualClock()
  const memory = memoryStore({ clock })
  const store = spoiling(memory, new Map([['bad', spoil]]))
  const polls = isEnded ? 1 : 20
  const base = { uploader: fakeUploader(), clock, pollSchedule: () => 1000 }
  const dead = isEnded ? clock : manualClock()
  const first = new SoraPipeline({ ...base, generator: fakeTaskGenerator({ polls }), store: memory, clock: dead })
  const runs = ['good_1', 'bad', 'good_2'].map((id) => first.run(request, { id, owner: OWNER }))
  if (isEnded) await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
  else await dead.advance(500)
  const generator = fakeTaskGenerator()
  const pipeline = new SoraPipeline({ ...base, generator, store })
  return { clock, memory, store, pipeline, generator }
}

describe.each([...Object.entries(SPOILED), ['an error of the store', broken] as const])('a run with %s', (_, spoil) => {
  it.each([true, false])('does not hide the others from lists, ended: %s', async (isEnded) => {
    const { pipeline } = await setUp(spoil, { isEnded })
    const records = await pipeline.list(QUERY)
    expect(records.map(({ id }) => id).sort()).toEqual(['bad', 'good_1', 'good_2'])
    for (const record of records) {
      if (record.id !== 'bad') {
        expect(record).toMatchObject({ status: isEnded ? 'completed' : 'running', request })
        expect(await pipeline.get(record.id)).toEqual(record)
      } else {
        expect(record).toMatchObject({ status: 'unreadable', error: { code: 'run-state', isRetryable: false } })
        expect(record.error?.message).not.toContain('down')
      }
    }
    await expect(pipeline.get('bad')).rejects.toMatchObject({ code: 'run-state', isRetryable: false })
    await expect(pipeline.get('bad')).rejects.not.toThrow(/down/)
  })

  it('does not keep the others from being recovered', async () => {
    const { clock, pipeline } = await setUp(spoil)
    await clock.advance(60_000)
    const runs = await pipeline.recover()
    expect(runs.map(({ id }) => id).sort()).toEqual(['bad', 'good_1', 'good_2'])
    const outcome = (id: string) => clock.runUntil(runs.find((run) => run.id === id)?.result ?? Promise.reject(id))
    const [good, other] = [await outcome('good_1'), await outcome('good_2')]
    expect([good.servedBy, other.servedBy]).toEqual(['uploader', 'uploader'])
    await expect(outcome('bad')).rejects.toMatchObject({ code: 'run-state', isRetryable: false })
    await expect(outcome('bad')).rejects.not.toThrow(/down/)
  })

  it('is refused by every operation on it with an error that does not blame the store', async () => {
    const { clock, pipeline, generator } = await setUp(spoil)
    const calls = [
      () => pipeline.run(request, { id: 'bad', owner: OWNER }).result,
      () => pipeline.resume('bad').result,
      () => pipeline.advance('bad'),
      () => pipeline.erase('bad'),
      () => pipeline.remove('bad'),
      () => pipeline.openVideo('bad'),
      () => pipeline.settle('bad', 'not-submitted'),
    ]
    for (const call of calls) {
      const error = await clock.runUntil(
        (call() as Promise<unknown>).then(
          () => 'no error',
          (thrown) => thrown,
        ),
      )
      expect(error).toMatchObject({ code: 'run-state', isRetryable: false })
      expect(error.message).not.toContain('down')
    }
    expect(generator.startCount).toBe(0)
  })

  it('does not hide the others from the list over HTTP', async () => {
    const { clock, store } = await setUp(spoil, { isEnded: true })
    const { json, errors } = handlerOf(KEYS, { store, clock })
    const { status, body } = await json('GET', '/v1/videos', CALLER)
    expect(status).toBe(200)
    expect(body.data.map(({ id }: { id: string }) => id).sort()).toEqual(['bad', 'good_1', 'good_2'])
    const bad = body.data.find(({ id }: { id: string }) => id === 'bad')
    expect(bad).toMatchObject({ object: 'video', status: 'failed', error: { code: expect.any(String) } })
    expect((await json('GET', '/v1/videos/good_2', CALLER)).body).toMatchObject({ status: 'completed', seconds: '8' })
    const paged = await json('GET', '/v1/videos?limit=1&order=asc&after=bad', CALLER)
    expect(paged.body.data).toHaveLength(1)
    expect(errors).toEqual([])
  })
})

describe('a state in which any one value is another', () => {
  const VALUES = [null, 'text', -1, [], {}, [null], { id: 1 }]

  /** Every state that differs from the given one in one value, at any depth. */
  function* variants(value: unknown, depth = 0): Generator<unknown> {
    if (depth > 0) yield* VALUES
    if (typeof value !== 'object' || value === null) return
    for (const [key, part] of Object.entries(value)) {
      for (const other of [undefined, ...variants(part, depth + 1)]) {
        yield Array.isArray(value)
          ? value.map((one, index) => (String(index) === key ? other : one))
          : { ...value, [key]: other }
      }
    }
  }

  it.each([true, false])('never hides another run from a list, ended: %s', async (isEnded) => {
    let present: unknown
    const { memory, pipeline, store, clock } = await setUp(() => present, { isEnded })
    const state = (await memory.load('bad'))?.state
    const { json } = handlerOf(KEYS, { store, clock, generator: fakeTaskGenerator() })
    let count = 0
    for (const variant of variants(state)) {
      present = variant
      count += 1
      const records = await pipeline.list(QUERY).catch((error) => error)
      const shown = JSON.stringify(variant)
      expect(records, shown).toHaveLength(
        records.length === 2 && (variant as StoredRun).removedAt !== undefined ? 2 : 3,
      )
      const { status, body } = await json('GET', '/v1/videos', CALLER)
      expect([status, JSON.stringify(body)].join(' '), shown).toContain('good_2')
      expect(status, shown).toBe(200)
    }
    expect(count).toBeGreaterThan(200)
  })
})

describe('one of the runs that a worker holds', () => {
  it('that cannot be read does not keep it from seeing that another process saved the others', async () => {
    const clock = manualClock()
    const { versions: _, ...memory } = memoryStore({ clock })
    let isBroken = false
    const store = spoiling(memory, new Map([['bad', (state: StoredRun) => (isBroken ? broken(state) : state)]]))
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
    const [bad, good] = [pipeline.run(request, { id: 'bad' }), pipeline.run(request, { id: 'good' })]
    await clock.advance(100)
    isBroken = true
    const { version, state } = (await memory.load('good')) as { version: number; state: StoredRun }
    const error = { name: 'AbortError', code: 'aborted', message: 'enough', isRetryable: false }
    const { worker: _worker, ...rest } = state
    await memory.save('good', version, {
      ...rest,
      status: 'failed',
      endedAt: clock.now(),
      error,
      isAborted: true,
    } as StoredRun)
    await clock.advance(8000)
    await expect(good.result).rejects.toMatchObject({ code: 'aborted' })
    await bad.cancel()
  })
})
