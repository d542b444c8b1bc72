import assert from 'node:assert/strict'
import type { LoadedRun, RunStore, StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { type RunStoreSubject, reopened } from './run-store-subject.js'
import { isFenced, isUnknownRun } from './store-refusals.js'
import { outcomeOf } from './trial.js'

// Values that survive JSON but not every way of storing it.
const AWKWARD: StoredRun = {
  status: 'running',
  wakeAt: 1_767_225_600_000,
  text: 'ü 日本 🎬 \u2028 "quoted" \\ \n \u0000',
  nested: { list: [1, -0.5, 1e21, true, null, [], {}], empty: {} },
  'key with . and $': 'x',
}

// Ids come from callers: file names, key prefixes and patterns must handle them.
const AWKWARD_IDS = [
  'a',
  'A',
  'a/b',
  '../a',
  '..',
  '%2e%2e',
  'a b',
  'ü日本🎬',
  "a'b",
  'a:*?',
  `${'long-'.repeat(50)}id`,
]

/** Cases about creating, loading and saving. */
export const storeStateCases: readonly ConformanceCase<RunStoreSubject>[] = [
  {
    name: 'loads nothing for an unknown id',
    async check({ store }) {
      assert.equal(await store.load('run_unknown'), undefined)
    },
  },
  {
    name: 'creates a run once, as version 1, and leaves it unchanged the second time',
    async check({ store }) {
      assert.equal(await store.create('run_1', AWKWARD), true, 'the first create must be true')
      assert.equal(await store.create('run_1', { ...AWKWARD, text: 'other' }), false, 'the second must be false')
      assert.deepEqual(await loaded(store, 'run_1'), { version: 1, state: AWKWARD })
    },
  },
  {
    name: 'lets one of 20 creates at once win',
    async check({ store }) {
      const creates = Array.from({ length: 20 }, (_, by) => store.create('run_1', { ...AWKWARD, by }))
      const created = await Promise.all(creates)
      assert.equal(created.filter(Boolean).length, 1, 'exactly one of 20 creates must be true')
      assert.equal((await store.load('run_1'))?.state.by, created.indexOf(true), 'the state must be the winner’s')
    },
  },
  {
    name: 'saves over the given version, and returns the new one',
    async check({ store }) {
      await store.create('run_1', AWKWARD)
      const second = await store.save('run_1', 1, { ...AWKWARD, step: 2 })
      const third = await store.save('run_1', second, { status: 'completed', wakeAt: 0 })
      assert.equal(new Set([1, second, third]).size, 3, 'every save must give a new version')
      assert.deepEqual(await loaded(store, 'run_1'), { version: third, state: { status: 'completed', wakeAt: 0 } })
    },
  },
  {
    name: 'refuses a save over an older version, and changes nothing',
    async check({ store }) {
      await store.create('run_1', AWKWARD)
      const version = await store.save('run_1', 1, { ...AWKWARD, step: 2 })
      await isFenced(store.save('run_1', 1, { ...AWKWARD, step: 'lost' }))
      assert.deepEqual(await loaded(store, 'run_1'), { version, state: { ...AWKWARD, step: 2 } })
    },
  },
  {
    name: 'refuses a save of an unknown run',
    async check({ store }) {
      await isUnknownRun(store.save('run_unknown', 1, AWKWARD), 'save')
      assert.equal(await store.load('run_unknown'), undefined, 'a refused save must not create a run')
    },
  },
  {
    name: 'lets one of 50 saves over the same version win, and fences the others',
    async check({ store }) {
      await store.create('run_1', AWKWARD)
      const saves = Array.from({ length: 50 }, (_, by) => outcomeOf(store.save('run_1', 1, { ...AWKWARD, by })))
      const outcomes = await Promise.all(saves)
      const winners = outcomes.flatMap(({ isRejected }, by) => (isRejected ? [] : [by]))
      assert.equal(winners.length, 1, `exactly one of 50 saves must win, but ${winners.length} did`)
      assert.equal((await store.load('run_1'))?.state.by, winners[0], 'the state must be the winner’s')
      for (const { isRejected, error } of outcomes) if (isRejected) await isFenced(Promise.reject(error))
    },
  },
  {
    name: 'keeps its states unaffected by later changes',
    async check({ store }) {
      const given = structuredClone(AWKWARD) as { nested: { list: unknown[] } } & StoredRun
      await store.create('run_1', given)
      given.nested.list.push('changed after create')
      const loaded = (await store.load('run_1'))?.state as typeof given
      assert.deepEqual(loaded, AWKWARD, 'a change of the caller’s object must not affect the store')
      loaded.nested.list.push('changed after load')
      assert.deepEqual((await store.load('run_1'))?.state, AWKWARD, 'a change of the loaded object must not affect it')
      const saved = structuredClone(AWKWARD) as typeof given
      await store.save('run_1', 1, saved)
      saved.nested.list.push('changed after save')
      assert.deepEqual((await store.load('run_1'))?.state, AWKWARD, 'a change of the saved object must not affect it')
    },
  },
  {
    name: 'keeps runs apart, whatever the characters of their ids',
    async check({ store }) {
      for (const id of AWKWARD_IDS) assert.equal(await store.create(id, { ...AWKWARD, id }), true, `create ${id}`)
      for (const id of AWKWARD_IDS) assert.equal((await store.load(id))?.state.id, id)
      const due = await store.due(AWKWARD.wakeAt, 100)
      assert.deepEqual([...due].sort(), [...AWKWARD_IDS].sort(), 'due must give the ids unchanged')
    },
  },
  {
    name: 'shows its runs and versions to another process',
    async check(subject) {
      const { store } = subject
      await store.create('run_1', AWKWARD)
      const version = await store.save('run_1', 1, { ...AWKWARD, step: 2 })
      const other = await reopened(subject)
      assert.deepEqual(await loaded(other, 'run_1'), { version, state: { ...AWKWARD, step: 2 } })
      await other.save('run_1', version, { ...AWKWARD, step: 3 })
      await isFenced(store.save('run_1', version, { ...AWKWARD, step: 'lost' }))
    },
  },
]

// Fields that a store may omit or give as undefined are tested by other cases.
async function loaded(store: RunStore, id: string): Promise<Pick<LoadedRun, 'version' | 'state'> | undefined> {
  const { version, state, ...others } = (await store.load(id)) ?? { version: 0, state: undefined }
  const given = Object.entries(others).flatMap(([field, value]) => (value === undefined ? [] : [field]))
  assert.deepEqual(given, [], 'load must give no readings, progress or beat of a run that has none')
  return state && { version, state }
}
