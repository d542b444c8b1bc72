import { expect, test } from 'vitest'
import { runStoreConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'
import { type Fault, failuresOf } from './failures-of.js'
import { fullStore } from './full-run-store.js'

const IN_ORDER = 'gives the events of a run in their order, and only those after a sequence'
const NEWEST = 'adds no event that is not above the newest one'
const REPEATED = 'adds the same events once'
const ONE_WINS = 'gives one of several processes a number'
const UNKNOWN = 'ignores events of an unknown run'
const ALL_PROCESSES = 'announces the events of every process'
const READABLE = 'announces events once they can be read'
const LISTENERS = 'calls each of several listeners until it is closed'
const FORGOTTEN = 'removes the events of runs that are forgotten or shortened'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'announces nothing',
    () => ({ followEvents: async () => ({ close: async () => undefined }) }),
    [ALL_PROCESSES, READABLE, LISTENERS],
  ],
  [
    'announces only the events of the own process',
    (store) => {
      const listeners = new Set<(id: string | undefined) => void>()
      return {
        appendEvents: async (id, events) => {
          const newest = await store.appendEvents(id, events)
          for (const listen of listeners) listen(id)
          return newest
        },
        followEvents: async (listener) => {
          listeners.add(listener)
          return { close: async () => void listeners.delete(listener) }
        },
      }
    },
    [ALL_PROCESSES, READABLE],
  ],
  [
    'calls a listener that was closed',
    (store) => ({
      followEvents: async (listener) => ({ ...(await store.followEvents(listener)), close: async () => undefined }),
    }),
    [LISTENERS],
  ],
  [
    'reads from the first event',
    (store) => ({ readEvents: (id, _, limit) => store.readEvents(id, -1, limit) }),
    [IN_ORDER],
  ],
  ['has no limit', (store) => ({ readEvents: (id, after) => store.readEvents(id, after, 1e6) }), [IN_ORDER]],
  [
    'says nothing of a refusal',
    (store) => ({ appendEvents: async (id, events) => void (await store.appendEvents(id, events)) }),
    [NEWEST, ONE_WINS],
  ],
  [
    'refuses a repeated call',
    (store) => ({
      appendEvents: async (id, events) => {
        const newest = (await store.readEvents(id, -1, 1000)).at(-1)?.sequence
        const refused = await store.appendEvents(id, events)
        return newest !== undefined && newest === events.at(-1)?.sequence ? newest : refused
      },
    }),
    [REPEATED],
  ],
  [
    'adds what is above the newest event, and leaves out the rest',
    (store) => ({
      appendEvents: async (id, events) => {
        const newest = (await store.readEvents(id, -1, 1000)).at(-1)?.sequence ?? -1
        const above = events.filter(({ sequence }) => sequence > newest)
        const refused = above.length < events.length ? newest : undefined
        return (await store.appendEvents(id, above)) ?? refused
      },
    }),
    [NEWEST, REPEATED],
  ],
  [
    'keeps the events of forgotten runs',
    (store, { events }) => ({
      prune: async (query) => {
        const { drop } = events
        Object.assign(events, { drop: () => undefined })
        const count = await store.prune(query)
        Object.assign(events, { drop })
        return count
      },
    }),
    [FORGOTTEN],
  ],
  [
    'keeps events of unknown runs',
    (store) => {
      const others: Awaited<ReturnType<typeof store.readEvents>>[number][] = []
      return {
        appendEvents: async (id, events) => {
          if ((await store.load(id)) !== undefined) return store.appendEvents(id, events)
          others.push(...events)
          return undefined
        },
        readEvents: async (id, after, limit) =>
          (await store.load(id)) === undefined ? others : store.readEvents(id, after, limit),
      }
    },
    [UNKNOWN],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, cases) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(cases)
})

test.each(['appendEvents', 'readEvents', 'followEvents'] as const)(
  'a store with an event log but without %s fails',
  async (method) => {
    const create = () => {
      const { [method]: _, ...store } = fullStore()
      return { store }
    }
    const failed = await failedCases((collect) => runStoreConformance({ test: collect, create }))
    expect([...failed.keys()]).toEqual(['has all methods of the event log, or none'])
  },
)
