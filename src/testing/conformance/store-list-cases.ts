import assert from 'node:assert/strict'
import type { RunQuery, StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { optionalCase, type RunStoreSubject, type StoreWith } from './run-store-subject.js'

type ListingStore = StoreWith<'list'>
type ListedFields = Partial<Pick<StoredRun, 'status' | 'startedAt' | 'owner' | 'removedAt'>>

// Starts, and the runs in their order. The time of a test may begin at 0.
const STARTS = { run_0: undefined, run_1: 100, run_2: 200, run_3: 200, run_4: 200, run_5: 1_767_225_600_000 }
const OLDEST_FIRST = Object.keys(STARTS)

// Owners come from callers, as ids do.
const AWKWARD_OWNERS = ['', 'a', 'A', 'a ', 'null', "a'b", '%', 'a/b', 'ü日本🎬', 'a\\"b\n\u0000', 'x'.repeat(300)]

/** Cases about lists; a store without `list` passes them all. */
export const storeListCases: readonly ConformanceCase<RunStoreSubject>[] = [
  optionalCase(
    ['list'],
    'lists runs by their start, then by id, in both orders, whatever their status',
    async (store) => {
      const statuses = ['running', 'completed', 'failed', 'needs-review'] as const
      for (const [index, [id, startedAt]] of Object.entries(STARTS).toReversed().entries()) {
        await store.create(id, run({ startedAt, status: statuses[index % 4] ?? 'running' }))
      }
      assert.deepEqual(await pageOf(store, { order: 'oldest-first' }), OLDEST_FIRST)
      assert.deepEqual(await pageOf(store, { order: 'newest-first' }), OLDEST_FIRST.toReversed())
      assert.deepEqual(
        await pageOf(store, { order: 'newest-first', limit: 2 }),
        ['run_5', 'run_4'],
        'list keeps to its limit',
      )
    },
  ),
  optionalCase(['list'], 'pages through every run once, in pages of any size', async (store) => {
    for (const [id, startedAt] of Object.entries(STARTS)) await store.create(id, run({ startedAt }))
    for (const limit of [1, 2, 3, 6, 7]) {
      assert.deepEqual(await allPages(store, { order: 'oldest-first', limit }), OLDEST_FIRST)
      assert.deepEqual(await allPages(store, { order: 'newest-first', limit }), OLDEST_FIRST.toReversed())
    }
  }),
  optionalCase(['list'], 'neither repeats nor skips a run when others start between two pages', async (store) => {
    for (const id of ['run_2', 'run_4', 'run_6']) await store.create(id, run({ startedAt: 200 }))
    assert.deepEqual(await pageOf(store, { order: 'newest-first', limit: 2 }), ['run_6', 'run_4'])
    await store.create('run_1', run({ startedAt: 300 }))
    await store.create('run_5', run({ startedAt: 200 }))
    assert.deepEqual(await pageOf(store, { order: 'newest-first', after: 'run_4' }), ['run_2'])
    assert.deepEqual(await pageOf(store, { order: 'oldest-first', after: 'run_6' }), ['run_1'])
  }),
  optionalCase(['list'], 'lists nothing after an unknown run', async (store) => {
    await store.create('run_1', run({ startedAt: 100 }))
    for (const order of ['newest-first', 'oldest-first'] as const) {
      assert.deepEqual(await pageOf(store, { order, after: 'run_unknown' }), [])
      assert.deepEqual(await pageOf(store, { order, after: '' }), [])
    }
  }),
  optionalCase(
    ['list'],
    'lists the runs of one owner, whatever its characters, and those of every owner',
    async (store) => {
      for (const [index, owner] of AWKWARD_OWNERS.entries()) {
        await store.create(`run_${10 + index}`, run({ startedAt: index, owner }))
        await store.create(`run_${30 + index}`, run({ startedAt: index, owner }))
      }
      await store.create('run_99', run({ startedAt: 99 }))
      for (const [index, owner] of AWKWARD_OWNERS.entries()) {
        const own = [`run_${10 + index}`, `run_${30 + index}`]
        assert.deepEqual(
          await pageOf(store, { order: 'oldest-first', owner }),
          own,
          `the runs of ${JSON.stringify(owner)}`,
        )
        assert.deepEqual(await allPages(store, { order: 'newest-first', owner, limit: 1 }), own.toReversed())
      }
      assert.deepEqual(await pageOf(store, { order: 'oldest-first', owner: 'unknown' }), [])
      const all = await pageOf(store, { order: 'oldest-first' })
      assert.equal(all.length, 2 * AWKWARD_OWNERS.length + 1, 'without an owner, list gives the runs of every owner')
      const [last = ''] = await pageOf(store, { order: 'oldest-first', owner: 'A' })
      const later = await pageOf(store, { order: 'oldest-first', owner: 'a ', after: last })
      assert.equal(later.length, 2, 'the run to continue after may be of another owner')
    },
  ),
  optionalCase(
    ['list'],
    'leaves out runs that were removed, and still loads them and continues after them',
    async (store) => {
      for (const [id, startedAt] of Object.entries(STARTS)) await store.create(id, run({ startedAt }))
      await store.save('run_2', 1, run({ startedAt: 200, removedAt: 300 }))
      await store.save('run_3', 1, run({ startedAt: 200, removedAt: 0 }))
      await store.create('run_7', run({ startedAt: 400, removedAt: 400 }))
      assert.deepEqual(await pageOf(store, { order: 'oldest-first' }), ['run_0', 'run_1', 'run_4', 'run_5'])
      assert.deepEqual(await pageOf(store, { order: 'oldest-first', after: 'run_2' }), ['run_4', 'run_5'])
      assert.deepEqual(await pageOf(store, { order: 'newest-first', after: 'run_3' }), ['run_1', 'run_0'])
      const all = await pageOf(store, { order: 'oldest-first', withRemoved: true })
      const every = ['run_0', 'run_1', 'run_2', 'run_3', 'run_4', 'run_7', 'run_5']
      assert.deepEqual(all, every, 'withRemoved gives them as well')
      assert.equal((await store.load('run_2'))?.state.removedAt, 300, 'load gives a removed run')
      await store.save('run_2', 2, run({ startedAt: 200 }))
      assert.deepEqual(await pageOf(store, { order: 'oldest-first', limit: 3 }), ['run_0', 'run_1', 'run_2'])
    },
  ),
  optionalCase(['list'], 'follows a save to another start or owner, and no fenced save', async (store) => {
    await store.create('run_1', run({ startedAt: 100 }))
    await store.create('run_2', run({ startedAt: 200, owner: 'a' }))
    await store.save('run_1', 1, run({ startedAt: 300, owner: 'a' }))
    await store.save('run_1', 1, run({ startedAt: 50, removedAt: 400 })).catch(() => undefined) // The suite of saves tests it.
    assert.deepEqual(await pageOf(store, { order: 'oldest-first', owner: 'a' }), ['run_2', 'run_1'])
    await store.save('run_2', 1, run({}))
    assert.deepEqual(await pageOf(store, { order: 'newest-first', owner: 'a' }), ['run_1'])
    assert.deepEqual(await pageOf(store, { order: 'newest-first' }), ['run_1', 'run_2'])
  }),
  optionalCase(['list'], 'lists what another process saved', async (store, reopen) => {
    await store.create('run_1', run({ startedAt: 100 }))
    assert.deepEqual(await pageOf(store, { order: 'oldest-first' }), ['run_1'])
    const other = await reopen()
    await other.create('run_2', run({ startedAt: 200 }))
    await other.save('run_1', 1, run({ startedAt: 300 }))
    for (const each of [store, other]) {
      assert.deepEqual(await each.list({ order: 'oldest-first', limit: 10 }), ['run_2', 'run_1'])
    }
  }),
]

async function pageOf(
  store: ListingStore,
  query: Omit<RunQuery, 'limit'> & Partial<RunQuery>,
): Promise<readonly string[]> {
  return [...(await store.list({ limit: 100, ...query }))]
}

async function allPages(store: ListingStore, query: RunQuery): Promise<readonly string[]> {
  const all: string[] = []
  for (;;) {
    const page = await store.list({ ...query, after: all.at(-1) })
    all.push(...page)
    // More pages than runs mean that the list repeats.
    if (page.length === 0 || all.length > 100) return all
  }
}

function run(fields: ListedFields): StoredRun {
  return { status: 'running', wakeAt: 0, ...fields }
}
