import assert from 'node:assert/strict'
import type { RunStore, StoredRun, WorkerBeat } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { type RunStoreSubject, reopened } from './run-store-subject.js'
import { isInvalid } from './store-refusals.js'
import type { Trial } from './trial.js'

// Longer than a case takes, and short enough to wait for.
const LONG_MS = 60_000
const SHORT_MS = 20

// Workers are named after hosts, paths and processes.
const AWKWARD_WORKERS = ['w', 'W', 'w ', '../w', 'a/b', 'host.example:1/2', "w'1", '%', 'ü日本🎬', 'x'.repeat(300)]

/** Cases about beats of workers. */
export const storeBeatCases: readonly ConformanceCase<RunStoreSubject>[] = [
  {
    name: 'gives no beat of a worker that never beat, and none of a run without a worker',
    async check({ store }) {
      await holdRun(store, 'run_1', 'worker_1')
      await store.create('run_2', running())
      await store.heartbeat('worker_2', LONG_MS)
      assert.equal(await beatOf(store, 'run_1'), undefined, 'a worker that never beat has no beat')
      assert.equal(await beatOf(store, 'run_2'), undefined, 'a run that names no worker has no beat')
    },
  },
  {
    name: 'gives the beat of the worker that a run names, with its ttl, to every process',
    async check(subject) {
      const { store } = subject
      await holdRun(store, 'run_1', 'worker_1')
      await store.heartbeat('worker_1', LONG_MS)
      await holdRun(store, 'run_2', 'worker_1')
      for (const each of [store, await reopened(subject)]) {
        for (const id of ['run_1', 'run_2']) {
          const beat = await liveBeat(each, id)
          assert.equal(beat.ttlMs, LONG_MS, 'load must give the ttlMs of the last heartbeat')
        }
      }
      await store.heartbeat('worker_1', 2 * LONG_MS)
      assert.equal(
        (await liveBeat(store, 'run_1')).ttlMs,
        2 * LONG_MS,
        'load must give the ttlMs of the last heartbeat',
      )
    },
  },
  {
    name: 'gives the beat of another worker after a save that names it',
    async check({ store }) {
      await holdRun(store, 'run_1', 'worker_1')
      await store.heartbeat('worker_1', LONG_MS)
      await store.heartbeat('worker_2', 2 * LONG_MS)
      await store.save('run_1', 1, running('worker_2'))
      assert.equal((await liveBeat(store, 'run_1')).ttlMs, 2 * LONG_MS, 'load must give the beat of the new worker')
      await store.save('run_1', 2, running())
      assert.equal(await beatOf(store, 'run_1'), undefined, 'a run that no longer names a worker has no beat')
    },
  },
  {
    name: 'gives every beat a new number',
    async check(subject) {
      const { store } = subject
      await holdRun(store, 'run_1', 'worker_1')
      const numbers: number[] = []
      const other = await reopened(subject)
      for (const each of [store, store, other, store, other]) {
        await each.heartbeat('worker_1', LONG_MS)
        numbers.push((await liveBeat(store, 'run_1')).number)
      }
      assert.equal(new Set(numbers).size, 5, `five beats must have five numbers, but have: ${numbers}`)
      const again = (await liveBeat(store, 'run_1')).number
      assert.equal(again, numbers.at(-1), 'the number must not change while the worker does not beat')
    },
  },
  {
    name: 'expires a beat when its ttl has passed by the clock of the store, and not before',
    async check(subject, trial) {
      const { store } = subject
      await holdRun(store, 'run_1', 'worker_1')
      await store.heartbeat('worker_1', LONG_MS)
      await liveBeat(store, 'run_1')
      if (subject.advance) {
        await subject.advance(LONG_MS - 1)
        await liveBeat(store, 'run_1')
        await subject.advance(2)
      } else {
        await store.heartbeat('worker_1', SHORT_MS)
        await expires(store, 'run_1', trial)
      }
      for (const each of [store, await reopened(subject)]) {
        const beat = await beatOf(each, 'run_1')
        assert.equal(beat?.isExpired, true, 'load must give a beat that has expired, with isExpired')
      }
      await store.heartbeat('worker_1', LONG_MS)
      await liveBeat(store, 'run_1')
    },
  },
  {
    name: 'counts the ttl of a worker from its last beat',
    async check(subject, trial) {
      const { store } = subject
      for (const worker of ['longer', 'shorter', 'short']) await holdRun(store, worker, worker)
      await store.heartbeat('longer', SHORT_MS)
      await store.heartbeat('shorter', LONG_MS)
      await store.heartbeat('longer', LONG_MS)
      await store.heartbeat('shorter', SHORT_MS)
      await pass(subject, trial, 'shorter')
      assert.equal((await beatOf(store, 'longer'))?.isExpired, false, 'a longer ttl must replace a shorter one')
    },
  },
  {
    name: 'keeps the beats of workers apart, whatever their names look like',
    async check(subject, trial) {
      const { store } = subject
      for (const [index, worker] of AWKWARD_WORKERS.entries()) {
        await holdRun(store, `run_${index}`, worker)
        assert.equal(await beatOf(store, `run_${index}`), undefined, `${JSON.stringify(worker)} did not beat yet`)
        await store.heartbeat(worker, LONG_MS + index)
      }
      const beats = await Promise.all(AWKWARD_WORKERS.map((_, index) => liveBeat(store, `run_${index}`)))
      assert.deepEqual(
        beats.map(({ ttlMs }) => ttlMs),
        AWKWARD_WORKERS.map((_, index) => LONG_MS + index),
        'every worker must keep its own ttl',
      )
      await store.heartbeat('w', SHORT_MS)
      await pass(subject, trial, 'run_0')
      const others = await Promise.all(AWKWARD_WORKERS.slice(1).map((_, index) => liveBeat(store, `run_${index + 1}`)))
      assert.deepEqual(others, beats.slice(1), 'a beat of one worker must not touch those of others')
    },
  },
  {
    name: 'removes the beat of a worker that retires, and no other',
    async check(subject) {
      const { store } = subject
      for (const worker of ['worker_1', 'worker_2']) {
        await holdRun(store, worker, worker)
        await store.heartbeat(worker, LONG_MS)
      }
      await store.retire('worker_1')
      for (const each of [store, await reopened(subject)]) {
        assert.equal(await beatOf(each, 'worker_1'), undefined, 'a worker that retired must have no beat')
        await liveBeat(each, 'worker_2')
      }
      await store.heartbeat('worker_1', LONG_MS)
      await liveBeat(store, 'worker_1')
    },
  },
  {
    name: 'does nothing when an unknown worker retires',
    async check({ store }) {
      await holdRun(store, 'run_1', 'worker_1')
      await store.heartbeat('worker_1', LONG_MS)
      await store.retire('worker_2')
      await store.retire('')
      await liveBeat(store, 'run_1')
    },
  },
  {
    name: 'refuses a ttl that is not a finite number above 0, and keeps the beat',
    async check({ store }) {
      await holdRun(store, 'run_1', 'worker_1')
      for (const ttlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        await isInvalid(store.heartbeat('worker_1', ttlMs), 'ttlMs', `heartbeat with a ttlMs of ${ttlMs}`)
      }
      assert.equal(await beatOf(store, 'run_1'), undefined, 'a refused heartbeat must not leave a beat')
      await store.heartbeat('worker_1', LONG_MS)
      const beat = await liveBeat(store, 'run_1')
      await isInvalid(store.heartbeat('worker_1', 0), 'ttlMs', 'heartbeat with a ttlMs of 0')
      assert.deepEqual(await liveBeat(store, 'run_1'), beat, 'a refused heartbeat must leave the last beat unchanged')
    },
  },
]

/** Waits until the beat of the worker that a run names has expired. */
export async function expires(store: RunStore, id: string, trial: Trial): Promise<void> {
  const isExpired = async () => (await beatOf(store, id))?.isExpired === true
  await trial.eventually(isExpired, `a beat of ${SHORT_MS} ms, whose isExpired must become true,`)
}

/** Lets the short ttl of the worker that a run names pass. */
async function pass(subject: RunStoreSubject, trial: Trial, id: string): Promise<void> {
  await subject.advance?.(SHORT_MS + 1)
  await expires(subject.store, id, trial)
}

async function beatOf(store: RunStore, id: string): Promise<WorkerBeat | undefined> {
  const loaded = await store.load(id)
  assert.ok(loaded, `load must give ${id}`)
  return loaded.beat
}

async function liveBeat(store: RunStore, id: string): Promise<WorkerBeat> {
  const beat = await beatOf(store, id)
  assert.ok(beat, 'load must give the beat of the worker that the state names')
  assert.equal(beat.isExpired, false, `a beat of ${beat.ttlMs} ms must not have expired within its ttl`)
  return beat
}

async function holdRun(store: RunStore, id: string, worker: string): Promise<void> {
  await store.create(id, running(worker))
}

function running(worker?: string): StoredRun {
  return { status: 'running', wakeAt: 100, ...(worker !== undefined && { worker }) }
}
