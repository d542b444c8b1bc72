import assert from 'node:assert/strict'
import type { EventMethod, StoredEvent, StoredRun } from '../../contracts/run-store.js'
import type { ConformanceCase } from './conformance-suite.js'
import { optionalCase, type RunStoreSubject } from './run-store-subject.js'

const METHODS: readonly EventMethod[] = ['appendEvents', 'readEvents', 'followEvents']
const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }
const MOST = 1000

/** Cases about the event log of runs; a store with none of its methods passes them all. */
export const storeEventCases: readonly ConformanceCase<RunStoreSubject>[] = [
  {
    name: 'has all methods of the event log, or none',
    check: async ({ store }) => {
      const present = METHODS.filter((method) => store[method] !== undefined)
      assert.ok(
        present.length === 0 || present.length === METHODS.length,
        `a store must have all of ${METHODS.join(', ')}, or none, but it has ${present.join(', ')}`,
      )
    },
  },
  optionalCase(METHODS, 'gives the events of a run in their order, and only those after a sequence', async (store) => {
    for (const id of ['run_1', 'run_2']) await store.create(id, RUNNING)
    assert.deepEqual(await store.readEvents('run_1', -1, MOST), [], 'a new run has no events')
    assert.equal(await store.appendEvents('run_1', []), undefined, 'no events can be added')
    assert.equal(await store.appendEvents('run_1', [event(0), event(1)]), undefined, 'events must be added')
    assert.equal(await store.appendEvents('run_1', [event(5), event(1_000_000)]), undefined, 'numbers may have gaps')
    const all = [0, 1, 5, 1_000_000].map((sequence) => event(sequence))
    assert.deepEqual(await store.readEvents('run_1', -1, MOST), all, 'all events must be returned, in order')
    assert.deepEqual(await store.readEvents('run_1', 1, MOST), all.slice(2), 'only events above `after` are returned')
    assert.deepEqual(await store.readEvents('run_1', 3, 1), [event(5)], 'at most `limit` events are returned')
    assert.deepEqual(await store.readEvents('run_1', 1_000_000, MOST), [], 'nothing is above the newest event')
    assert.deepEqual(await store.readEvents('run_2', -1, MOST), [], 'another run has none of these events')
  }),
  optionalCase(METHODS, 'adds no event that is not above the newest one', async (store) => {
    await store.create('run_1', RUNNING)
    await store.appendEvents('run_1', [event(0), event(7)])
    const others = [3, 7, 8].map((sequence) => event(sequence, 'another process'))
    assert.equal(await store.appendEvents('run_1', others), 7, 'the newest sequence must be returned')
    assert.equal(await store.appendEvents('run_1', [event(7, 'another')]), 7, 'an equal number must be refused')
    assert.deepEqual(await store.readEvents('run_1', -1, MOST), [event(0), event(7)], 'all are added, or none')
  }),
  optionalCase(METHODS, 'adds the same events once', async (store) => {
    await store.create('run_1', RUNNING)
    for (const given of [[event(0)], [event(1), event(2)], [event(1), event(2)]]) {
      assert.equal(await store.appendEvents('run_1', given), undefined, 'a repeated call must succeed')
    }
    assert.deepEqual(
      await store.readEvents('run_1', -1, MOST),
      [0, 1, 2].map((sequence) => event(sequence)),
      'a repeated call adds nothing',
    )
  }),
  optionalCase(METHODS, 'gives one of several processes a number', async (store, reopen) => {
    const stores = [store, await reopen(), await reopen()]
    await store.create('run_1', RUNNING)
    const given = stores.map((_, index) => event(0, `process ${index}`))
    const replies = await Promise.all(
      stores.map((each, index) => each.appendEvents('run_1', [given[index] as StoredEvent])),
    )
    const winner = given[replies.indexOf(undefined)]
    assert.deepEqual(
      [...replies].sort(),
      [0, 0, undefined],
      'one call adds its event, the others get the newest number',
    )
    assert.deepEqual(await store.readEvents('run_1', -1, MOST), [winner], 'only the event of one process is kept')
  }),
  optionalCase(METHODS, 'keeps events unaffected by later changes, whatever their texts are', async (store, reopen) => {
    const id = 'run "ü" 日本 }{ \\ \u0000'
    await store.create(id, RUNNING)
    const given = { ...event(0), text: 'ü 日本 🎬 "quoted" \\ \u0000 \u2028', nested: { list: [1, null] as unknown[] } }
    const expected = structuredClone(given)
    await store.appendEvents(id, [given as unknown as StoredEvent])
    given.nested.list.push('changed after append')
    const [first] = (await store.readEvents(id, -1, MOST)) as unknown as (typeof given)[]
    first?.nested.list.push('changed after read')
    assert.deepEqual(await (await reopen()).readEvents(id, -1, MOST), [expected], 'changes must not affect the store')
  }),
  optionalCase(METHODS, 'changes nothing but the log with events', async (store) => {
    await store.create('run_1', RUNNING)
    await store.appendEvents('run_1', [event(0)])
    assert.deepEqual((await store.load('run_1'))?.state, RUNNING, 'events must not change the state')
    assert.equal(await store.save('run_1', 1, RUNNING), 2, 'events must not change the version')
    assert.deepEqual(await store.readEvents('run_1', -1, MOST), [event(0)], 'a save must not change the events')
  }),
  optionalCase(METHODS, 'ignores events of an unknown run', async (store) => {
    assert.equal(await store.appendEvents('run_unknown', [event(0)]), undefined, 'the call must succeed')
    assert.deepEqual(await store.readEvents('run_unknown', -1, MOST), [], 'an unknown run has no events')
    assert.equal(await store.load('run_unknown'), undefined, 'events must not create a run')
  }),
  optionalCase(METHODS, `keeps the newest ${MOST} events`, async (store) => {
    await store.create('run_1', RUNNING)
    const all = Array.from({ length: MOST }, (_, index) => event(index))
    for (let from = 0; from < MOST; from += 250) await store.appendEvents('run_1', all.slice(from, from + 250))
    assert.deepEqual(await store.readEvents('run_1', -1, MOST), all, 'all of them must be kept')
  }),
  optionalCase(METHODS, 'announces the events of every process', async (store, reopen, trial) => {
    const other = await reopen()
    const heard: (string | undefined)[] = []
    const subscription = await store.followEvents((id) => heard.push(id))
    const ids = ['run_1', 'run "ü" 日本 \u0000', 'run_3']
    for (const id of ids) await store.create(id, RUNNING)
    for (const id of ids) await other.appendEvents(id, [event(0)])
    await trial.eventually(() => ids.every((id) => heard.includes(id)), 'an announcement of each run')
    await store.appendEvents('run_1', [event(1)])
    await trial.eventually(() => heard.filter((id) => id === 'run_1').length > 1, 'an announcement of its own events')
    await subscription.close()
  }),
  optionalCase(METHODS, 'announces events once they can be read', async (store, reopen, trial) => {
    const other = await reopen()
    await store.create('run_1', RUNNING)
    let read: Promise<readonly StoredEvent[]> | undefined
    const subscription = await store.followEvents(() => {
      read ??= store.readEvents('run_1', -1, MOST)
    })
    await other.appendEvents('run_1', [event(0)])
    await trial.eventually(() => read !== undefined, 'an announcement')
    assert.deepEqual(await read, [event(0)], 'an announced event must be readable')
    await subscription.close()
  }),
  optionalCase(METHODS, 'calls each of several listeners until it is closed', async (store, _, trial) => {
    await store.create('run_1', RUNNING)
    const counts = [0, 0]
    const subscriptions = await Promise.all(
      counts.map((__, index) =>
        store.followEvents(() => {
          counts[index] = (counts[index] ?? 0) + 1
        }),
      ),
    )
    await store.appendEvents('run_1', [event(0)])
    await trial.eventually(() => counts.every((count) => count > 0), 'a call of each listener')
    await subscriptions[0]?.close()
    const [closed = 0, open = 0] = counts
    await store.appendEvents('run_1', [event(1)])
    await trial.eventually(() => Number(counts[1]) > open, 'a call of the listener that is left')
    assert.equal(counts[0], closed, 'a closed listener must not be called')
    await subscriptions[1]?.close()
    const again = await store.followEvents(() => {
      counts[0] = Number(counts[0]) + 1
    })
    await store.appendEvents('run_1', [event(2)])
    await trial.eventually(() => Number(counts[0]) > closed, 'a call after all listeners were closed')
    await again.close()
  }),
  optionalCase([...METHODS, 'prune'], 'removes the events of runs that are forgotten or shortened', async (store) => {
    const ended: StoredRun = { status: 'completed', wakeAt: 0, startedAt: 1, endedAt: 1000 }
    const runs = { run_1: ended, run_2: { ...ended, isCallerId: true }, run_3: RUNNING }
    for (const [id, state] of Object.entries(runs)) {
      await store.create(id, state)
      await store.appendEvents(id, [event(0)])
    }
    await store.prune({ endedBefore: 2000, now: 3000 })
    assert.deepEqual(await store.readEvents('run_1', -1, MOST), [], 'a forgotten run must have no events')
    assert.deepEqual(await store.readEvents('run_2', -1, MOST), [], 'a shortened run must have no events')
    assert.deepEqual(await store.readEvents('run_3', -1, MOST), [event(0)], 'a running run must keep its events')
    await store.appendEvents('run_2', [event(1)])
    assert.deepEqual(await store.readEvents('run_2', -1, MOST), [], 'a shortened run must get no events')
    assert.equal(await store.create('run_1', RUNNING), true, 'the id must be free again')
    assert.equal(await store.appendEvents('run_1', [event(0)]), undefined, 'a new run must start with an empty log')
  }),
]

function event(sequence: number, text = 'event'): StoredEvent {
  return { type: 'warning', runId: 'run_1', sequence, at: 100 + sequence, text }
}
