import assert from 'node:assert/strict'
import type { ConformanceCase } from './conformance-suite.js'
import { type RunStoreSubject, reopened } from './run-store-subject.js'

/** Cases about claims. */
export const storeClaimCases: readonly ConformanceCase<RunStoreSubject>[] = [
  {
    name: 'gives a claim to one run, repeatedly, and to no other',
    async check(subject) {
      const { store } = subject
      assert.equal(await store.claim('gen', 'job_1', 'run_1'), true, 'the first to ask must get the claim')
      assert.equal(await store.claim('gen', 'job_1', 'run_1'), true, 'the owner must get it again')
      assert.equal(await store.claim('gen', 'job_1', 'run_2'), false, 'another run must not get it')
      const other = await reopened(subject)
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
]
