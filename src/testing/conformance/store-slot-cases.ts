import assert from 'node:assert/strict'
import type { ConformanceCase } from './conformance-suite.js'
import { optionalCase, type RunStoreSubject, type StoreWith } from './run-store-subject.js'

const SLOTS = ['takeSlot', 'keepSlots', 'restSlots'] as const
const LONG_MS = 60_000
// Real time passes in a store without `advance`.
const SHORT_MS = 40
const PERIOD_MS = 200

type SlotStore = StoreWith<(typeof SLOTS)[number]>

/** Cases about the places of limits. */
export const storeSlotCases: readonly ConformanceCase<RunStoreSubject>[] = [
  {
    name: 'has takeSlot, keepSlots and restSlots, or none of them',
    check: async ({ store }) => {
      const present = SLOTS.filter((method) => store[method] !== undefined)
      assert.ok(
        present.length === 0 || present.length === SLOTS.length,
        `a store must have all of ${SLOTS.join(', ')}, or none, but it has ${present.join(', ')}`,
      )
    },
  },
  slotCase('gives the places of a limit, and no more, to any process', async (store, reopen) => {
    const terms = { most: 2, ttlMs: LONG_MS }
    const other = await reopen()
    assert.deepEqual(await store.takeSlot('gen', 'run_1', terms), { isTaken: true, waitMs: 0 })
    assert.deepEqual(await other.takeSlot('gen', 'run_2', terms), { isTaken: true, waitMs: 0 })
    const full = { isTaken: false, waitMs: 0 }
    assert.deepEqual(await other.takeSlot('gen', 'run_3', terms), full, 'a third holder must get no place')
    assert.equal((await other.takeSlot('gen', 'run_1', terms)).isTaken, true, 'a holder must keep its place')
    assert.equal((await other.takeSlot('other', 'run_3', terms)).isTaken, true, 'another limit must be apart')
    await store.keepSlots('gen', ['run_1', 'unknown'], 0)
    assert.equal((await other.takeSlot('gen', 'run_3', terms)).isTaken, true, 'a place that was freed must be given')
    assert.equal((await store.takeSlot('gen', 'run_1', terms)).isTaken, false, 'its former holder has none')
  }),
  slotCase('gives 3 places to 20 holders that ask at once', async (store, reopen) => {
    const stores = [store, await reopen()]
    const takes = Array.from({ length: 20 }, (_, index) =>
      (stores[index % 2] ?? store).takeSlot('gen', `run_${index}`, { most: 3, ttlMs: LONG_MS }),
    )
    const taken = (await Promise.all(takes)).filter(({ isTaken }) => isTaken)
    assert.equal(taken.length, 3, `exactly 3 of 20 holders must get a place, but ${taken.length} did`)
  }),
  slotCase('frees a place that was not extended in time', async (store, reopen, pass) => {
    await store.takeSlot('gen', 'run_1', { most: 2, ttlMs: SHORT_MS })
    await store.takeSlot('gen', 'run_2', { most: 2, ttlMs: SHORT_MS })
    await store.keepSlots('gen', ['run_2'], LONG_MS)
    await pass(SHORT_MS)
    const other = await reopen()
    assert.equal((await other.takeSlot('gen', 'run_3', { most: 2, ttlMs: LONG_MS })).isTaken, true, 'run_1 has expired')
    assert.equal(
      (await other.takeSlot('gen', 'run_4', { most: 2, ttlMs: LONG_MS })).isTaken,
      false,
      'run_2 was extended',
    )
    await store.keepSlots('gen', ['run_1'], LONG_MS)
    await store.keepSlots('gen', ['run_3'], 0)
    assert.equal(
      (await other.takeSlot('gen', 'run_4', { most: 2, ttlMs: LONG_MS })).isTaken,
      false,
      'run_1 is counted again',
    )
  }),
  slotCase('gives no more places within a time than the rate', async (store, reopen, pass) => {
    const within = (perMs: number) => ({ most: Number.POSITIVE_INFINITY, ttlMs: LONG_MS, rate: { jobs: 2, perMs } })
    const terms = within(LONG_MS)
    await store.takeSlot('gen', 'run_1', terms)
    await store.takeSlot('gen', 'run_2', terms)
    await store.keepSlots('gen', ['run_2'], 0)
    const { isTaken, waitMs } = await (await reopen()).takeSlot('gen', 'run_3', terms)
    assert.equal(isTaken, false, 'a place that was freed counts for the rate')
    assert.ok(waitMs > 0 && waitMs <= LONG_MS, `the wait must end with the period, but is ${waitMs} ms`)
    assert.equal((await store.takeSlot('gen', 'run_1', terms)).isTaken, true, 'a holder must keep its place')
    await store.takeSlot('short', 'run_1', within(PERIOD_MS))
    await store.takeSlot('short', 'run_2', within(PERIOD_MS))
    await pass(PERIOD_MS)
    assert.equal((await store.takeSlot('short', 'run_3', within(PERIOD_MS))).isTaken, true, 'the period is over')
  }),
  slotCase('gives no new place while the limit rests', async (store, reopen, pass) => {
    const terms = { most: 9, ttlMs: LONG_MS }
    await store.takeSlot('gen', 'run_1', terms)
    await store.restSlots('gen', LONG_MS)
    await store.restSlots('gen', SHORT_MS)
    const { isTaken, waitMs } = await (await reopen()).takeSlot('gen', 'run_2', terms)
    assert.equal(isTaken, false, 'the longer rest must stay')
    assert.ok(waitMs > SHORT_MS && waitMs <= LONG_MS, `the rest must be announced, but it is ${waitMs} ms`)
    assert.equal((await store.takeSlot('gen', 'run_1', terms)).isTaken, true, 'a holder must keep its place')
    await store.restSlots('short', SHORT_MS)
    await pass(SHORT_MS)
    assert.equal((await store.takeSlot('short', 'run_2', terms)).isTaken, true, 'the rest is over')
  }),
]

function slotCase(
  name: string,
  check: (store: SlotStore, reopen: () => Promise<SlotStore>, pass: (ms: number) => Promise<void>) => Promise<void>,
): ConformanceCase<RunStoreSubject> {
  return {
    name,
    check: (subject, trial) =>
      optionalCase(SLOTS, name, (store, reopen) => check(store, reopen, (ms) => pass(subject, ms))).check(
        subject,
        trial,
      ),
  }
}

// A few milliseconds more, because a timer may ring early.
async function pass(subject: RunStoreSubject, ms: number): Promise<void> {
  if (subject.advance) await subject.advance(ms)
  else await new Promise((resolve) => setTimeout(resolve, ms + 5))
}
