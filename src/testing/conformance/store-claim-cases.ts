import assert from 'node:assert/strict'
import type { RunStore, StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'

interface StoreSubject {
  readonly store: RunStore
  reopen?(): Promise<RunStore>
}

/** Cases about claims and about runs that are due. */
export const storeClaimCases: readonly ConformanceCase<StoreSubject>[] = [
  {
    name: 'gives a claim to one run, again and again, and to no other',
    async check(subject) {
      const { store } = subject
      assert.equal(await store.claim('gen', 'job_1', 'run_1'), true, 'the first to ask must get the claim')
      assert.equal(await store.claim('gen', 'job_1', 'run_1'), true, 'the owner must get it again')
      assert.equal(await store.claim('gen', 'job_1', 'run_2'), false, 'another run must not get it')
      const other = (await subject.reopen?.()) ?? store
      assert.equal(await other.claim('gen', 'job_1', 'run_2'), false, 'another process must not get it')
      assert.equal(await other.claim('gen', 'job_1', 'run_1'), true, 'the owner must get it in another process')
    },
  },
  {
    name: 'keeps claims of other keys and namespaces apart',
    async check({ store }) {
      const keys = [
        ['gen', 'a'],
        ['gen', 'b'],
        ['other', 'a'],
        ['gen:a', 'b'],
        ['gen', 'a:b'],
        ['gen/a', 'b'],
        ['gen', 'a/b'],
      ] as const
      for (const [index, [namespace, key]] of keys.entries()) {
        assert.equal(await store.claim(namespace, key, `run_${index}`), true, `claim ${namespace}, ${key}`)
      }
    },
  },
  {
    name: 'gives a claim to one of 20 runs that ask at once',
    async check({ store }) {
      const claims = Array.from({ length: 20 }, (_, run) => store.claim('gen', 'job_1', `run_${run}`))
      const owners = (await Promise.all(claims)).filter(Boolean)
      assert.equal(owners.length, 1, `exactly one of 20 runs must get the claim, but ${owners.length} did`)
    },
  },
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
]

function running(wakeAt: number): StoredRun {
  return { status: 'running', wakeAt }
}
