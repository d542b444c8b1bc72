import assert from 'node:assert/strict'
import type { DueOptions, RunStore, StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { type RunStoreSubject, reopened } from './run-store-subject.js'
import { expires } from './store-beat-cases.js'

const LONG_MS = 60_000
const SHORT_MS = 20

// Ordered by their wakeAt, then by id; the order of creation is different.
const IN_ORDER = ['run_4', 'run_1', 'run_2', 'run_3', 'run_5', 'run_0', 'run_6']
const WAKES = { run_6: 400, run_3: 200, run_0: 300, run_4: 0, run_2: 200, run_5: 200, run_1: 200 }

/** Cases about due runs. */
export const storeDueCases: readonly ConformanceCase<RunStoreSubject>[] = [
  {
    name: 'gives the runs that are due, the most overdue first, up to the limit',
    async check({ store }) {
      for (const [id, wakeAt] of Object.entries({ run_c: 300, run_a: 100, run_d: 301, run_b: 200 })) {
        await store.create(id, running(wakeAt))
      }
      assert.deepEqual([...(await store.due(300, 10))], ['run_a', 'run_b', 'run_c'], 'due includes its instant')
      assert.deepEqual([...(await store.due(300, 2))], ['run_a', 'run_b'], 'due keeps to its limit')
      assert.deepEqual([...(await store.due(99, 10))], [], 'no run is due before its time')
    },
  },
  {
    name: 'gives no run that has ended, and follows a later wake',
    async check({ store }) {
      for (const id of ['run_done', 'run_failed', 'run_later']) await store.create(id, running(100))
      await store.create('run_never', { status: 'completed', wakeAt: 100 })
      await store.save('run_done', 1, { status: 'completed', wakeAt: 100 })
      await store.save('run_failed', 1, { status: 'failed', wakeAt: 100 })
      await store.save('run_later', 1, running(500))
      assert.deepEqual([...(await store.due(499, 10))], [], 'ended and later runs are not due')
      assert.deepEqual([...(await store.due(500, 10))], ['run_later'])
    },
  },
  {
    name: 'pages through the runs that are due by wakeAt, then by id, in pages of any size',
    async check({ store }) {
      await createAll(store)
      assert.deepEqual(await dueOf(store), IN_ORDER, 'due orders by wakeAt, and by id among equals')
      for (const limit of [1, 2, 3, 7, 8]) {
        assert.deepEqual(await allPages(store, limit), IN_ORDER, `pages of ${limit} must give every run once, in order`)
      }
      assert.deepEqual(await dueOf(store, { after: 'run_3' }, 300), ['run_5', 'run_0'], 'a page keeps to its instant')
    },
  },
  {
    name: 'neither repeats nor skips a due run when others change between two pages',
    async check({ store }) {
      await createAll(store)
      assert.deepEqual([...(await store.due(400, 3))], ['run_4', 'run_1', 'run_2'])
      await store.save('run_1', 1, { status: 'completed', wakeAt: 200 })
      await store.create('run_00', running(200))
      await store.create('run_22', running(200))
      const rest = ['run_22', 'run_3', 'run_5', 'run_0', 'run_6']
      assert.deepEqual(await dueOf(store, { after: 'run_2' }), rest, 'after is a place in the order, not a count')
    },
  },
  {
    name: 'gives nothing after a run that is unknown or not running',
    async check({ store }) {
      await createAll(store)
      await store.save('run_1', 1, { status: 'completed', wakeAt: 200 })
      await store.save('run_2', 1, { status: 'needs-review', wakeAt: 200 })
      for (const after of ['run_unknown', '', 'run_1', 'run_2']) {
        assert.deepEqual(await dueOf(store, { after }), [], `due after ${JSON.stringify(after)} must give nothing`)
      }
    },
  },
  {
    name: 'leaves out the runs of live workers when only free ones are requested',
    async check(subject, trial) {
      const { store } = subject
      const workers = { run_1: 'alive', run_2: 'never', run_3: 'retired', run_4: 'expired', run_5: 'alive' }
      await createAll(store, workers)
      assert.deepEqual(await dueOf(store, { isFree: true }), IN_ORDER, 'runs of workers that never beat are free')
      for (const worker of ['alive', 'retired']) await store.heartbeat(worker, LONG_MS)
      await store.heartbeat('expired', SHORT_MS)
      await store.retire('retired')
      await subject.advance?.(SHORT_MS + 1)
      await expires(store, 'run_4', trial)
      const free = ['run_4', 'run_2', 'run_3', 'run_0', 'run_6']
      for (const each of [store, await reopened(subject)]) {
        assert.deepEqual(
          await dueOf(each, { isFree: true }),
          free,
          'runs are free that have no worker, or one whose beat is missing, removed or expired',
        )
      }
      assert.deepEqual(await dueOf(store), IN_ORDER, 'without isFree due gives the runs of live workers as well')
      assert.deepEqual(await dueOf(store, { isFree: false }), IN_ORDER, 'isFree false is the same as no isFree')
      await store.heartbeat('expired', LONG_MS)
      assert.deepEqual(await dueOf(store, { isFree: true }), free.slice(1), 'a worker that beats again is alive')
    },
  },
  {
    name: 'follows a save to another worker when only free ones are requested',
    async check({ store }) {
      await store.create('run_1', { ...running(100), worker: 'alive' })
      await store.create('run_2', { ...running(100), worker: 'never' })
      await store.create('run_3', running(100))
      await store.heartbeat('alive', LONG_MS)
      await store.save('run_1', 1, running(100))
      await store.save('run_2', 1, { ...running(100), worker: 'alive' })
      assert.deepEqual(await dueOf(store, { isFree: true }), ['run_1', 'run_3'], 'the newest state names the worker')
    },
  },
  {
    name: 'pages through the free runs, in pages of any size',
    async check({ store }) {
      await createAll(store, { run_4: 'alive', run_1: 'alive', run_3: 'never', run_5: 'alive' })
      await store.heartbeat('alive', LONG_MS)
      const free = ['run_2', 'run_3', 'run_0', 'run_6']
      for (const limit of [1, 2, 3, 4, 5]) {
        const pages = await allPages(store, limit, { isFree: true })
        assert.deepEqual(pages, free, `pages of ${limit} must give every free run once: the limit counts free runs`)
      }
      const afterHeld = await dueOf(store, { isFree: true, after: 'run_5' })
      assert.deepEqual(afterHeld, ['run_0', 'run_6'], 'the run to continue after may be one that is not free')
      const afterUnknown = await dueOf(store, { isFree: true, after: 'run_unknown' })
      assert.deepEqual(afterUnknown, [], 'due after an unknown run must give nothing')
    },
  },
]

async function createAll(store: RunStore, workers: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const [id, wakeAt] of Object.entries(WAKES)) {
    const worker = workers[id]
    await store.create(id, { ...running(wakeAt), ...(worker !== undefined && { worker }) })
  }
}

async function dueOf(store: RunStore, options?: DueOptions, before = 400): Promise<readonly string[]> {
  return [...(await store.due(before, 100, options))]
}

async function allPages(store: RunStore, limit: number, options?: DueOptions): Promise<readonly string[]> {
  const all: string[] = []
  for (;;) {
    const page = await store.due(400, limit, { ...options, after: all.at(-1) })
    assert.ok(page.length <= limit, `due must give at most ${limit} runs, but gave ${page.length}`)
    all.push(...page)
    // More pages than runs mean that the order repeats.
    if (page.length === 0 || all.length > 20) return all
  }
}

function running(wakeAt: number): StoredRun {
  return { status: 'running', wakeAt }
}
