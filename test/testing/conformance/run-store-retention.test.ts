import { expect, test } from 'vitest'
import { RETAINED_MS } from '../../../src/contracts/retained-run.js'
import { type Fault, failuresOf } from './failures-of.js'
import { stateOf, withStates } from './stored-states.js'

const FORGOTTEN = 'forgets runs that completed or failed before an instant, and counts them'
const KEPT = 'keeps runs that are running, in review, or ended later'
const PRUNE_SAVED = 'follows a save that ends a run or continues it'
const CREATED_AGAIN = 'lets the id of a forgotten run be created again'
const RETAINED = 'retains the answer to a caller’s id for 24 hours after the end'
const RETAINED_GONE = 'forgets the id of a caller 24 hours after the end'
const PRUNE_MEDIA = 'drops the media of forgotten runs, and keeps those of others'
const LATE_MEDIA = 'drops media that came after their run was removed, with its retained data'
const CLAIMS = 'keeps the claims of a forgotten run for 24 hours, and frees them then'
const PRUNE_EVENTS = 'removes the events of runs that are forgotten or shortened'
const CLAIMS_AGAIN = 'keeps the claims of a run for 24 hours, whenever another run had its id'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'forgets nothing',
    () => ({ prune: async () => 0 }),
    [
      FORGOTTEN,
      PRUNE_SAVED,
      CREATED_AGAIN,
      RETAINED,
      RETAINED_GONE,
      PRUNE_MEDIA,
      LATE_MEDIA,
      CLAIMS,
      CLAIMS_AGAIN,
      PRUNE_EVENTS,
    ],
  ],
  [
    'does not count',
    (store) => ({ prune: (query) => store.prune(query).then(() => 0) }),
    [FORGOTTEN, PRUNE_SAVED, RETAINED, RETAINED_GONE, PRUNE_MEDIA, CLAIMS_AGAIN],
  ],
  [
    'counts every ended run that it keeps',
    (store, data) => ({
      prune: async (query) => {
        const count = await store.prune(query)
        return count + [...data.runs.keys()].filter((id) => stateOf(data, id)?.isRetained).length
      },
    }),
    [RETAINED, RETAINED_GONE, PRUNE_MEDIA],
  ],
  [
    'forgets a run that ended at the instant',
    (store) => ({ prune: ({ endedBefore, now }) => store.prune({ endedBefore: endedBefore + 1, now }) }),
    [KEPT],
  ],
  [
    'forgets whatever the end',
    (store) => ({ prune: (query) => store.prune({ ...query, endedBefore: Number.POSITIVE_INFINITY }) }),
    [KEPT, PRUNE_SAVED],
  ],
  [
    'goes by its start',
    (store, data) => ({
      prune: (query) =>
        withStates(
          data,
          (s) => ({ ...s, endedAt: s.startedAt }),
          () => store.prune(query),
        ),
    }),
    [KEPT, PRUNE_SAVED, RETAINED, RETAINED_GONE, LATE_MEDIA],
  ],
  [
    'keeps a run without an end',
    (store, data) => ({
      prune: (query) =>
        withStates(
          data,
          (s) => ({ ...s, endedAt: s.endedAt ?? 1e15 }),
          () => store.prune(query),
        ),
    }),
    [FORGOTTEN],
  ],
  [
    'forgets runs that are running',
    (store, data) => ({
      prune: (query) =>
        withStates(
          data,
          (s) => (s.status === 'running' ? { ...s, status: 'failed' } : s),
          () => store.prune(query),
        ),
    }),
    [KEPT, PRUNE_SAVED, CREATED_AGAIN, PRUNE_MEDIA, CLAIMS, PRUNE_EVENTS],
  ],
  [
    'forgets runs that are needs-review',
    (store, data) => ({
      prune: (query) =>
        withStates(
          data,
          (s) => (s.status === 'needs-review' ? { ...s, status: 'failed' } : s),
          () => store.prune(query),
        ),
    }),
    [KEPT],
  ],
  [
    'keeps failed runs',
    (store, data) => ({
      prune: (query) =>
        withStates(
          data,
          (s) => (s.status === 'failed' ? { ...s, status: 'needs-review' } : s),
          () => store.prune(query),
        ),
    }),
    [FORGOTTEN, PRUNE_SAVED, RETAINED],
  ],
  [
    'retains nothing',
    (store, data) => ({
      prune: (query) =>
        withStates(
          data,
          (s) => ({ ...s, isCallerId: false }),
          () => store.prune(query),
        ),
    }),
    [RETAINED, RETAINED_GONE, LATE_MEDIA],
  ],
  [
    'retains every run',
    (store, data) => ({
      prune: (query) =>
        withStates(
          data,
          (s) => ({ ...s, isCallerId: true }),
          () => store.prune(query),
        ),
    }),
    [FORGOTTEN, PRUNE_SAVED, CREATED_AGAIN, CLAIMS_AGAIN, PRUNE_EVENTS],
  ],
  [
    'retains the prompt',
    (store, { runs }) => ({
      prune: async (query) => {
        const before = new Map(runs)
        const count = await store.prune(query)
        for (const [id, stored] of runs) {
          const { request } = JSON.parse(before.get(id)?.text ?? '{}')
          if (JSON.parse(stored.text).isRetained) {
            runs.set(id, { ...stored, text: JSON.stringify({ ...JSON.parse(stored.text), request }) })
          }
        }
        return count
      },
    }),
    [RETAINED],
  ],
  [
    'retains the status only',
    (store) => ({
      load: async (id) => {
        const loaded = await store.load(id)
        if (!loaded?.state.isRetained) return loaded
        const { status, wakeAt, request } = loaded.state
        return { ...loaded, state: { id, status, wakeAt, ...(request !== undefined && { request }) } }
      },
    }),
    [RETAINED],
  ],
  [
    'lets the id of a retained run be created',
    (store, data) => ({
      create: async (id, state) => {
        if (stateOf(data, id)?.isRetained) data.runs.delete(id)
        return store.create(id, state)
      },
    }),
    [RETAINED],
  ],
  [
    'never lets an id be created again',
    (store) => {
      const used = new Set<string>()
      return {
        create: async (id, state) => {
          const isNew = !used.has(id) && (await store.create(id, state))
          used.add(id)
          return isNew
        },
      }
    },
    [CREATED_AGAIN, RETAINED_GONE, CLAIMS_AGAIN, PRUNE_EVENTS],
  ],
  [
    'retains forever',
    (store, data) => ({
      prune: async (query) => {
        const before = [...data.runs].filter(([id]) => stateOf(data, id)?.isRetained)
        const count = await store.prune(query)
        for (const [id, stored] of before) data.runs.set(id, stored)
        return count
      },
    }),
    [RETAINED_GONE],
  ],
  [
    'counts the 24 hours of a retained run from when it was forgotten',
    (store, data) => {
      const forgottenAt = new Map<string, number>()
      return {
        prune: async (query) => {
          const before = [...data.runs].filter(([id]) => stateOf(data, id)?.isRetained)
          const count = await store.prune(query)
          for (const [id, stored] of before) {
            if ((forgottenAt.get(id) ?? 0) > query.now - RETAINED_MS) data.runs.set(id, stored)
          }
          for (const id of data.runs.keys()) if (!forgottenAt.has(id)) forgottenAt.set(id, query.now)
          return count
        },
      }
    },
    [RETAINED_GONE],
  ],
  [
    'counts the 24 hours by its own clock',
    (store) => ({ prune: ({ endedBefore }) => store.prune({ endedBefore, now: 1_767_225_600_000 }) }),
    [RETAINED_GONE, CLAIMS, CLAIMS_AGAIN],
  ],
  [
    'lists forgotten runs',
    (store) => {
      const ids = new Set<string>()
      return {
        list: async (query) => {
          const listed = await store.list(query)
          return query.after === undefined ? [...listed, ...[...ids].filter((id) => !listed.includes(id))] : listed
        },
        prune: async (query) => {
          for (const id of await store.list({ order: 'oldest-first', limit: 100 })) ids.add(id)
          return store.prune(query)
        },
      }
    },
    [FORGOTTEN, RETAINED_GONE],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, expected) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(expected)
})
