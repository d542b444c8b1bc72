import { expect, test } from 'vitest'
import { runStoreConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'
import { type Fault, failuresOf } from './failures-of.js'
import { fullStore } from './full-run-store.js'

const PLACES = 'gives the places of a limit, and no more, to any process'
const AT_ONCE = 'gives 3 places to 20 holders that ask at once'
const EXPIRY = 'frees a place that was not extended in time'
const RATE = 'gives no more places within a time than the rate'
const RESTS = 'gives no new place while the limit rests'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'gives a place to everyone',
    () => ({ takeSlot: async () => ({ isTaken: true, waitMs: 0 }) }),
    [PLACES, AT_ONCE, EXPIRY, RATE, RESTS],
  ],
  [
    'gives a place to no one',
    () => ({ takeSlot: async () => ({ isTaken: false, waitMs: 0 }) }),
    [PLACES, AT_ONCE, EXPIRY, RATE, RESTS],
  ],
  [
    'knows no names of limits',
    (store) => ({ takeSlot: (_, holder, terms) => store.takeSlot('one', holder, terms) }),
    [PLACES, EXPIRY, RESTS],
  ],
  ['frees nothing', () => ({ keepSlots: async () => undefined }), [PLACES, EXPIRY]],
  [
    'extends only places that have not expired',
    (store, { clock }) => {
      const ends = new Map<string, number>()
      return {
        takeSlot: (limit, holder, terms) => {
          ends.set(holder, clock.monotonic() + terms.ttlMs)
          return store.takeSlot(limit, holder, terms)
        },
        keepSlots: (limit, holders, ttlMs) => {
          const live = holders.filter((holder) => ttlMs === 0 || (ends.get(holder) ?? 0) > clock.monotonic())
          return store.keepSlots(limit, live, ttlMs)
        },
      }
    },
    [EXPIRY],
  ],
  [
    'gives places for ever',
    (store) => ({ takeSlot: (limit, holder, terms) => store.takeSlot(limit, holder, { ...terms, ttlMs: 1e12 }) }),
    [EXPIRY],
  ],
  [
    'has no rate',
    (store) => ({ takeSlot: (limit, holder, { most, ttlMs }) => store.takeSlot(limit, holder, { most, ttlMs }) }),
    [RATE],
  ],
  ['never rests', () => ({ restSlots: async () => undefined }), [RESTS]],
  [
    'shortens a rest',
    (store) => {
      let rests = 0
      return {
        restSlots: async (limit, ms) => {
          rests += 1
          if (rests !== 2) await store.restSlots(limit, rests === 1 ? 1 : ms)
        },
      }
    },
    [RESTS],
  ],
  [
    'does not announce how long to wait',
    (store) => ({ takeSlot: async (...given) => ({ ...(await store.takeSlot(...given)), waitMs: 0 }) }),
    [RATE, RESTS],
  ],
  [
    'counts in each process',
    () => {
      const { takeSlot, keepSlots, restSlots } = fullStore()
      return { takeSlot, keepSlots, restSlots }
    },
    [PLACES, AT_ONCE, EXPIRY, RATE, RESTS],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, cases) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(cases)
})

test.each(['takeSlot', 'keepSlots', 'restSlots'] as const)(
  'a store with places but without %s fails',
  async (method) => {
    const create = () => {
      const { [method]: _, ...store } = fullStore()
      return { store }
    }
    const failed = await failedCases((collect) => runStoreConformance({ test: collect, create }))
    expect([...failed.keys()]).toEqual(['has takeSlot, keepSlots and restSlots, or none of them'])
  },
)
