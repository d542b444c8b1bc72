import assert from 'node:assert/strict'
import type { JsonObject } from '../../contracts/json.js'
import type { RunStore, StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { optionalCase, type RunStoreSubject } from './run-store-subject.js'

const PROGRESS: JsonObject = { ratio: 0.5, text: 'ü 日本 🎬 "quoted" \\', nested: { list: [1, null, true] } }
const RUN_COUNT = 200

/** Cases about the progress of runs; a store without `report` passes them all. */
export const storeReportCases: readonly ConformanceCase<RunStoreSubject>[] = [
  optionalCase(['report'], 'gives the progress that the worker of a run reported last', async (store) => {
    for (const id of ['run_1', 'run_2']) await store.create(id, running('worker_1'))
    assert.equal(await progressOf(store, 'run_1'), undefined, 'a run that was never reported has no progress')
    await store.report('worker_1', [{ id: 'run_1', progress: { ratio: 0.25, note: 'first' } }])
    await store.report('worker_1', [{ id: 'run_1', progress: PROGRESS }])
    assert.deepEqual(await progressOf(store, 'run_1'), PROGRESS, 'the last report must replace the one before')
    assert.equal(await progressOf(store, 'run_2'), undefined, 'a report must not touch a run that it does not name')
  }),
  optionalCase(['report'], 'changes nothing but the progress with a report', async (store) => {
    await store.create('run_1', running('worker_1'))
    await store.reschedule('run_1', 1, 300, ['reading'])
    await store.report('worker_1', [{ id: 'run_1', progress: PROGRESS }])
    const loaded = await store.load('run_1')
    assert.deepEqual(loaded?.state, { ...running('worker_1'), wakeAt: 300 }, 'a report must not change the state')
    assert.deepEqual(loaded?.readings, ['reading'], 'a report must not change the readings')
    assert.equal(await store.save('run_1', 1, running('worker_1')), 2, 'a report must not change the version')
  }),
  optionalCase(['report'], 'keeps the progress while the run names the worker', async (store) => {
    await store.create('run_1', running('worker_1'))
    await store.report('worker_1', [{ id: 'run_1', progress: PROGRESS }])
    await store.reschedule('run_1', 1, 300, [])
    assert.deepEqual(await progressOf(store, 'run_1'), PROGRESS, 'a reschedule must not clear the progress')
    await store.save('run_1', 1, { ...running('worker_1'), step: 2 })
    assert.deepEqual(await progressOf(store, 'run_1'), PROGRESS, 'a save that names the same worker must not clear it')
  }),
  optionalCase(
    ['report'],
    'neither gives nor keeps the progress of a worker that the run does not name',
    async (store) => {
      await store.create('run_1', running('worker_1'))
      await store.create('run_2', running())
      const lost = ['run_1', 'run_2'].map((id) => ({ id, progress: { by: 'worker_2' } }))
      await store.report('worker_2', lost)
      assert.equal(await progressOf(store, 'run_1'), undefined, 'the report of another worker must not be returned')
      assert.equal(await progressOf(store, 'run_2'), undefined, 'a run without a worker has no progress')
      await store.report('worker_1', [{ id: 'run_1', progress: PROGRESS }])
      await store.report('worker_2', lost)
      assert.deepEqual(await progressOf(store, 'run_1'), PROGRESS, 'another worker must not hide the holder’s report')
    },
  ),
  optionalCase(['report'], 'gives no progress of a worker that lost the run', async (store) => {
    await store.create('run_1', running('worker_1'))
    await store.report('worker_1', [{ id: 'run_1', progress: { by: 'worker_1' } }])
    await store.save('run_1', 1, running('worker_2'))
    assert.equal(await progressOf(store, 'run_1'), undefined, 'a save that names another worker must end its report')
    await store.report('worker_2', [{ id: 'run_1', progress: PROGRESS }])
    assert.deepEqual(await progressOf(store, 'run_1'), PROGRESS, 'the report of the new worker must be returned')
    await store.save('run_1', 2, running())
    assert.equal(await progressOf(store, 'run_1'), undefined, 'a run that no longer names a worker has no progress')
  }),
  optionalCase(['report'], 'ignores reports of unknown and ended runs', async (store) => {
    for (const id of ['run_1', 'run_2', 'run_3']) await store.create(id, running('worker_1'))
    const ended: StoredRun = { ...running('worker_1'), status: 'completed', endedAt: 200 }
    await store.save('run_2', 1, ended)
    const ids = ['run_unknown', 'run_1', 'run_2', '../run', 'run_3']
    await store.report('worker_1', [])
    await store.report(
      'worker_1',
      ids.map((id) => ({ id, progress: PROGRESS })),
    )
    for (const id of ['run_1', 'run_3']) {
      assert.deepEqual(await progressOf(store, id), PROGRESS, 'entries beside those that are ignored must be written')
    }
    assert.equal(await store.load('run_unknown'), undefined, 'a report must not create a run')
    const loaded = await store.load('run_2')
    assert.deepEqual(loaded?.state, ended, 'a report must not change an ended run')
    assert.equal(loaded?.progress, undefined, 'a report must not give an ended run progress')
  }),
  optionalCase(['report'], `accepts the reports of ${RUN_COUNT} runs at once`, async (store) => {
    const ids = Array.from({ length: RUN_COUNT }, (_, index) => `run_${index}`)
    await Promise.all(ids.map((id) => store.create(id, running('worker_1'))))
    await store.report(
      'worker_1',
      ids.map((id) => ({ id, progress: { of: id } })),
    )
    const given = await Promise.all(ids.map((id) => progressOf(store, id)))
    assert.deepEqual(
      given,
      ids.map((id) => ({ of: id })),
      'every entry of a report must be written, to its own run',
    )
  }),
  optionalCase(['report'], 'keeps progress unaffected by later changes', async (store) => {
    await store.create('run_1', running('worker_1'))
    const given = structuredClone(PROGRESS) as { nested: { list: unknown[] } } & JsonObject
    await store.report('worker_1', [{ id: 'run_1', progress: given }])
    given.nested.list.push('changed after report')
    const loaded = (await progressOf(store, 'run_1')) as typeof given
    assert.deepEqual(loaded, PROGRESS, 'a change of the caller’s object must not affect the store')
    loaded.nested.list.push('changed after load')
    assert.deepEqual(await progressOf(store, 'run_1'), PROGRESS, 'a change of the loaded object must not affect it')
  }),
  optionalCase(['report'], 'shows progress to another process', async (store, reopen) => {
    await store.create('run_1', running('worker_1'))
    await store.report('worker_1', [{ id: 'run_1', progress: { ratio: 0.25 } }])
    const other = await reopen()
    assert.deepEqual(await progressOf(other, 'run_1'), { ratio: 0.25 }, 'another process must see the progress')
    await store.report('worker_1', [{ id: 'run_1', progress: PROGRESS }])
    assert.deepEqual(await progressOf(other, 'run_1'), PROGRESS, 'it must see a later report as well')
  }),
]

async function progressOf(store: RunStore, id: string): Promise<JsonObject | undefined> {
  const loaded = await store.load(id)
  assert.ok(loaded, `load must give ${id}`)
  return loaded.progress
}

function running(worker?: string): StoredRun {
  return { status: 'running', wakeAt: 100, ...(worker !== undefined && { worker }) }
}
