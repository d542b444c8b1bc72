import assert from 'node:assert/strict'
import type { JsonValue } from '../../contracts/json.js'
import type { StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { type RunStoreSubject, reopened } from './run-store-subject.js'
import { isFenced, isUnknownRun } from './store-refusals.js'

const STATE: StoredRun = { status: 'running', wakeAt: 100, startedAt: 50, owner: 'a', nested: { list: [1, 'ü'] } }
const READINGS: readonly JsonValue[] = [{ at: 200, ratio: 0.5 }, 'ü 日本 🎬 "quoted" \\', [null, true]]

/** Cases about rescheduling runs. */
export const storeRescheduleCases: readonly ConformanceCase<RunStoreSubject>[] = [
  {
    name: 'reschedules a run: its wakeAt and readings, and nothing else',
    async check(subject) {
      const { store } = subject
      await store.create('run_1', STATE)
      await store.create('run_2', STATE)
      await store.reschedule('run_1', 1, 300, READINGS)
      for (const each of [store, await reopened(subject)]) {
        const loaded = await each.load('run_1')
        assert.deepEqual(loaded?.state, { ...STATE, wakeAt: 300 }, 'only the wakeAt of the state must change')
        assert.deepEqual(loaded?.readings, READINGS, 'load must give the readings unchanged')
        assert.equal(loaded?.version, 1, 'reschedule must not change the version')
      }
      const other = await store.load('run_2')
      assert.deepEqual(other?.state, STATE, 'reschedule must not touch another run')
      assert.equal(other?.readings, undefined, 'a run that was never rescheduled has no readings')
      assert.equal(await store.save('run_1', 1, STATE), 2, 'a save over the version that was rescheduled must succeed')
    },
  },
  {
    name: 'lets the last of several reschedules count',
    async check(subject) {
      const { store } = subject
      await store.create('run_1', STATE)
      await store.reschedule('run_1', 1, 300, READINGS)
      await (await reopened(subject)).reschedule('run_1', 1, 200, ['last'])
      const loaded = await store.load('run_1')
      assert.equal(loaded?.state.wakeAt, 200, 'load must give the wakeAt of the last reschedule')
      assert.deepEqual(loaded?.readings, ['last'], 'load must give the readings of the last reschedule only')
    },
  },
  {
    name: 'gives a rescheduled run when it is due, and no earlier',
    async check(subject) {
      const { store } = subject
      await store.create('run_1', STATE)
      await store.create('run_2', { ...STATE, wakeAt: 200 })
      await store.create('run_3', { ...STATE, wakeAt: 900 })
      await store.reschedule('run_1', 1, 300, [])
      await store.reschedule('run_3', 1, 150, [])
      for (const each of [store, await reopened(subject)]) {
        assert.deepEqual([...(await each.due(299, 10))], ['run_3', 'run_2'], 'due must follow a reschedule')
        assert.deepEqual([...(await each.due(300, 10))], ['run_3', 'run_2', 'run_1'], 'due must follow a reschedule')
        const rest = await each.due(300, 10, { after: 'run_3' })
        assert.deepEqual([...rest], ['run_2', 'run_1'], 'due must continue after the new position of a rescheduled run')
      }
    },
  },
  {
    name: 'replaces what was rescheduled with the next save',
    async check(subject) {
      const { store } = subject
      await store.create('run_1', STATE)
      await store.reschedule('run_1', 1, 300, READINGS)
      const version = await store.save('run_1', 1, { ...STATE, wakeAt: 200 })
      for (const each of [store, await reopened(subject)]) {
        const loaded = await each.load('run_1')
        assert.equal(loaded?.state.wakeAt, 200, 'load must give the wakeAt of the save')
        assert.equal(loaded?.readings, undefined, 'a save must clear the readings')
        assert.deepEqual([...(await each.due(200, 10))], ['run_1'], 'due must go by the wakeAt of the save')
      }
      await store.reschedule('run_1', version, 400, ['new'])
      assert.deepEqual(
        (await store.load('run_1'))?.readings,
        ['new'],
        'readings of an older state must not be restored',
      )
    },
  },
  {
    name: 'refuses to reschedule over an older version, and changes nothing',
    async check(subject) {
      const { store } = subject
      await store.create('run_1', STATE)
      const version = await (await reopened(subject)).save('run_1', 1, { ...STATE, step: 2 })
      await isFenced(store.reschedule('run_1', 1, 300, READINGS), 'reschedule over an older version')
      await isFenced(store.reschedule('run_1', version + 1, 300, READINGS), 'reschedule over a future version')
      const loaded = await store.load('run_1')
      assert.deepEqual(loaded?.state, { ...STATE, step: 2 }, 'a refused reschedule must not change the state')
      assert.equal(loaded?.version, version, 'a refused reschedule must not change the version')
      assert.equal(loaded?.readings, undefined, 'a refused reschedule must not leave readings')
      assert.deepEqual([...(await store.due(100, 10))], ['run_1'], 'a refused reschedule must not change what is due')
    },
  },
  {
    name: 'refuses to reschedule an unknown run',
    async check({ store }) {
      await isUnknownRun(store.reschedule('run_unknown', 1, 100, READINGS), 'reschedule of an unknown run')
      assert.equal(await store.load('run_unknown'), undefined, 'a refused reschedule must not create a run')
      assert.deepEqual([...(await store.due(100, 10))], [], 'a refused reschedule must not make a run due')
    },
  },
  {
    name: 'keeps readings unaffected by later changes',
    async check({ store }) {
      await store.create('run_1', STATE)
      const given: JsonValue[] = [...structuredClone(READINGS)]
      await store.reschedule('run_1', 1, 300, given)
      given.push('changed after reschedule')
      const loaded = (await store.load('run_1'))?.readings as JsonValue[] | undefined
      assert.deepEqual(loaded, READINGS, 'a change of the caller’s object must not affect the store')
      loaded?.push('changed after load')
      const again = (await store.load('run_1'))?.readings
      assert.deepEqual(again, READINGS, 'a change of the loaded object must not affect the store')
    },
  },
]
