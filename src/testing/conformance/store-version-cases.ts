import assert from 'node:assert/strict'
import type { StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { optionalCase, type RunStoreSubject } from './run-store-subject.js'

const STATE: StoredRun = { status: 'running', wakeAt: 100 }

/** Cases about the versions of many runs; a store without `versions` passes them all. */
export const storeVersionCases: readonly ConformanceCase<RunStoreSubject>[] = [
  optionalCase(['versions'], 'gives versions in the order of the ids, undefined for an unknown id', async (store) => {
    for (const id of ['run_1', 'run_2', 'run_3']) await store.create(id, STATE)
    await store.save('run_2', 1, STATE)
    await store.save('run_3', await store.save('run_3', 1, STATE), { ...STATE, status: 'completed' })
    const expected = await Promise.all(['run_3', 'run_2', 'run_1'].map(async (id) => (await store.load(id))?.version))
    assert.deepEqual([...(await store.versions([]))], [], 'no ids have no versions')
    assert.deepEqual(
      [...(await store.versions(['run_3', 'run_unknown', 'run_2', 'run_1', '', 'run_3']))],
      [expected[0], undefined, expected[1], expected[2], undefined, expected[0]],
      'there must be one version for each id, in the order of the ids, as load gives it',
    )
  }),
  optionalCase(['versions'], 'gives the newest versions, also of saves of another process', async (store, reopen) => {
    for (const id of ['run_1', 'run_2']) await store.create(id, STATE)
    const ids = ['run_1', 'run_2']
    assert.deepEqual([...(await store.versions(ids))], [1, 1], 'a new run has version 1')
    const saved = await (await reopen()).save('run_2', 1, STATE)
    assert.deepEqual([...(await store.versions(ids))], [1, saved], 'versions must follow a save')
    await store.reschedule('run_1', 1, 300, [])
    await store.save('run_1', 2, STATE).catch(() => undefined) // Fenced, as other cases test.
    assert.deepEqual([...(await store.versions(ids))], [1, saved], 'only a save changes the version')
  }),
  optionalCase(['versions'], 'gives the versions of 2000 ids at once', async (store) => {
    await store.create('run_1999', STATE)
    const ids = Array.from({ length: 2000 }, (_, index) => `run_${index}`)
    const versions = await store.versions(ids)
    assert.equal(versions.length, 2000, 'there must be one version for each id')
    assert.equal(versions[1999], 1, 'the version of the last id must be given')
    assert.ok(
      versions.slice(0, -1).every((version) => version === undefined),
      'unknown ids must have no version',
    )
  }),
]
