import { describe, expect, test } from 'vitest'
import type { RunStore, StoredRun } from '../../../src/index.js'
import { manualClock, runStoreConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'
import { fullStore } from './full-run-store.js'
import { type Data, emptyData, plainStore } from './plain-run-store.js'

describe('a good store passes', () => {
  runStoreConformance({ test, create: () => ({ store: plainStore() }) })
})

describe('a good store that is opened twice passes', () => {
  runStoreConformance({
    test,
    create: () => {
      const data = emptyData()
      return { store: plainStore(data), reopen: async () => plainStore(data) }
    },
  })
})

const WAIT = () => new Promise((resolve) => setImmediate(resolve))
type Fault = (store: RunStore, data: Data) => Partial<RunStore>

const broken: readonly (readonly [string, Fault, string])[] = [
  [
    'loads something for an unknown id',
    () => ({ load: async () => ({ version: 1, state: run(0) }) }),
    'loads nothing for an unknown id',
  ],
  [
    'overwrites on create',
    (store, data) => ({
      create: async (id, state) => {
        const isNew = await store.create(id, state)
        data.runs.set(id, { version: 1, text: JSON.stringify(state) })
        return isNew
      },
    }),
    'creates a run once, as version 1, and leaves it unchanged the second time',
  ],
  [
    'waits between the look and the create',
    (store, data) => ({
      create: async (id, state) => {
        const isNew = !data.runs.has(id)
        await WAIT()
        data.runs.delete(id)
        await store.create(id, state)
        return isNew
      },
    }),
    'lets one of 20 creates at once win',
  ],
  [
    'waits between the look and the save',
    (store, data) => ({
      save: async (id, version, state) => {
        const current = data.runs.get(id)?.version ?? 0
        await WAIT()
        return version === current ? store.save(id, data.runs.get(id)?.version ?? 0, state) : store.save(id, -1, state)
      },
    }),
    'lets one of 50 saves over the same version win, and fences the others',
  ],
  [
    'refuses with an error of another kind',
    (store) => ({
      save: (id, version, state) =>
        store.save(id, version, state).catch(() => {
          throw new Error('conflict')
        }),
    }),
    'refuses a save over an older version, and changes nothing',
  ],
  [
    'does not compare',
    (store, data) => ({ save: (id, _, state) => store.save(id, data.runs.get(id)?.version ?? 0, state) }),
    'shows its runs and versions to another process',
  ],
  [
    'keeps its version',
    (store) => ({ save: (id, version, state) => store.save(id, version, state).then(() => version) }),
    'saves over the given version, and returns the new one',
  ],
  [
    'creates on save',
    (store, data) => ({
      save: async (id, version, state) => {
        if (!data.runs.has(id)) await store.create(id, state)
        return store.save(id, version, state)
      },
    }),
    'refuses a save of an unknown run',
  ],
  [
    'keeps the very object',
    () => {
      const kept = new Map<string, StoredRun>()
      return {
        create: async (id, state) => kept.size < kept.set(id, state).size,
        load: async (id) => ({ version: 1, state: kept.get(id) ?? run(0) }),
      }
    },
    'keeps its states unaffected by later changes',
  ],
  [
    'takes ids for paths',
    (store) => ({ create: (id, state) => store.create(id.split('/').at(-1) ?? id, state) }),
    'keeps runs apart, whatever the characters of their ids',
  ],
  [
    'gives a claim to every run',
    () => ({ claim: async () => true }),
    'gives a claim to one run, repeatedly, and to no other',
  ],
  [
    'forgets the owner of a claim',
    (_, data) => ({
      claim: async (namespace, key) => data.claims.size < data.claims.set(`${namespace} ${key}`, '').size,
    }),
    'gives a claim to one run, repeatedly, and to no other',
  ],
  [
    'glues namespace and key',
    (store) => ({ claim: (namespace, key, id) => store.claim('', `${namespace}:${key}`, id) }),
    'keeps claims of other keys and namespaces apart',
  ],
  [
    'waits between the look and the claim',
    (store, data) => ({
      claim: async (namespace, key, id) => {
        await WAIT()
        const isFree = data.claims.size === 0
        await WAIT()
        return isFree || store.claim(namespace, key, id)
      },
    }),
    'gives a claim to one of 20 runs that ask at once',
  ],
  [
    'has no order of what is due',
    (store) => ({ due: async (before, limit) => [...(await store.due(before, limit))].reverse() }),
    'gives the runs that are due, the most overdue first, up to the limit',
  ],
  [
    'has no limit',
    (store) => ({ due: (before) => store.due(before, 1000) }),
    'gives the runs that are due, the most overdue first, up to the limit',
  ],
  [
    'leaves out what is due now',
    (store) => ({ due: (before, limit) => store.due(before - 1, limit) }),
    'gives the runs that are due, the most overdue first, up to the limit',
  ],
  [
    'finds ended runs due',
    (_, data) => ({ due: async () => [...data.runs.keys()] }),
    'gives no run that has ended, and follows a later wake',
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, expected) => {
  const create = () => {
    const clock = manualClock()
    const data = emptyData(clock)
    const store = plainStore(data)
    return { store: { ...store, ...fault(store, data) }, advance: (ms: number) => clock.advance(ms) }
  }
  const failed = await failedCases((collect) => runStoreConformance({ test: collect, timeoutMs: 500, create }))
  expect([...failed.keys()]).toContain(expected)
})

test('a store that only one process sees fails every case that opens it twice', async () => {
  const create = () => ({ store: fullStore(), reopen: async () => fullStore() })
  const failed = await failedCases((collect) => runStoreConformance({ test: collect, create }))
  expect([...failed.keys()]).toEqual([
    'shows its runs and versions to another process',
    'reschedules a run: its wakeAt and readings, and nothing else',
    'lets the last of several reschedules count',
    'gives a rescheduled run when it is due, and no earlier',
    'replaces what was rescheduled with the next save',
    'refuses to reschedule over an older version, and changes nothing',
    'gives a claim to one run, repeatedly, and to no other',
    'gives the beat of the worker that a run names, with its ttl, to every process',
    'gives every beat a new number',
    'expires a beat when its ttl has passed by the clock of the store, and not before',
    'removes the beat of a worker that retires, and no other',
    'leaves out the runs of live workers when only free ones are requested',
    'gives the newest versions, also of saves of another process',
    'shows progress to another process',
    'lists what another process saved',
    'shows media and their references to another process',
    'retains the answer to a caller’s id for 24 hours after the end',
    'keeps the claims of a forgotten run for 24 hours, and frees them then',
    'gives one of several processes a number',
    'keeps events unaffected by later changes, whatever their texts are',
    'announces the events of every process',
    'announces events once they can be read',
    'gives a note unchanged to every process, and none of an unknown key',
    'replaces a note only at its version, and gives each save a new one',
    'gives one of 20 processes that save a note at once the next version',
    'lists notes that are due, the most overdue first, page by page',
    'gives the places of a limit, and no more, to any process',
    'gives 3 places to 20 holders that ask at once',
    'frees a place that was not extended in time',
    'gives no more places within a time than the rate',
    'gives no new place while the limit rests',
  ])
})

function run(wakeAt: number): StoredRun {
  return { status: 'running', wakeAt }
}
