import { expect, test } from 'vitest'
import { type Fault, failuresOf } from './failures-of.js'

const FREE = 'leaves out the runs of live workers when only free ones are requested'
const FREE_SAVED = 'follows a save to another worker when only free ones are requested'
const FREE_PAGES = 'pages through the free runs, in pages of any size'
const DUE_PAGES = 'pages through the runs that are due by wakeAt, then by id, in pages of any size'
const DUE_CHANGES = 'neither repeats nor skips a due run when others change between two pages'
const DUE_UNKNOWN = 'gives nothing after a run that is unknown or not running'
const RESCHEDULED_DUE = 'gives a rescheduled run when it is due, and no earlier'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  [
    'orders equals by when they were created',
    (store, { runs }) => ({
      due: async (before, limit, { after, ...options } = {}) => {
        const ids = await store.due(before, 1000, options)
        const wakeAt = new Map(
          await Promise.all(ids.map(async (id) => [id, (await store.load(id))?.state.wakeAt ?? 0] as const)),
        )
        const all = [...runs.keys()]
          .filter((id) => ids.includes(id))
          .sort((a, b) => (wakeAt.get(a) ?? 0) - (wakeAt.get(b) ?? 0))
        const place = after === undefined ? 0 : all.indexOf(after) + 1
        return place === 0 && after !== undefined ? [] : all.slice(place, place + limit)
      },
    }),
    [DUE_PAGES, DUE_CHANGES, FREE, FREE_PAGES],
  ],
  [
    'knows no after',
    (store) => ({ due: (before, limit, options) => store.due(before, limit, { ...options, after: undefined }) }),
    [RESCHEDULED_DUE, DUE_PAGES, DUE_CHANGES, DUE_UNKNOWN, FREE_PAGES],
  ],
  [
    'continues after the wakeAt of a run only',
    (store) => ({
      due: async (before, limit, { after, ...options } = {}) => {
        const all = await store.due(before, 1000, options)
        if (after === undefined) return all.slice(0, limit)
        const last = await store.load(after)
        if (last?.state.status !== 'running') return []
        const later = await Promise.all(
          all.map(async (id) => ({ id, wakeAt: (await store.load(id))?.state.wakeAt ?? 0 })),
        )
        return later
          .filter(({ wakeAt }) => wakeAt > last.state.wakeAt)
          .map(({ id }) => id)
          .slice(0, limit)
      },
    }),
    [DUE_PAGES, DUE_CHANGES, FREE_PAGES],
  ],
  [
    'repeats the run to continue after',
    (store) => ({
      due: async (before, limit, options) => {
        const page = await store.due(before, limit, options)
        return options?.after === undefined || page.length === 0 ? page : [options.after, ...page].slice(0, limit)
      },
    }),
    [RESCHEDULED_DUE, DUE_PAGES, DUE_CHANGES, FREE_PAGES],
  ],
  [
    'begins again after an unknown run',
    (store, { runs }) => ({
      due: (before, limit, options) =>
        store.due(before, limit, runs.has(options?.after ?? '') ? options : { ...options, after: undefined }),
    }),
    [DUE_UNKNOWN, FREE_PAGES],
  ],
  [
    'takes an empty cursor for none',
    (store) => ({
      due: (before, limit, options) => store.due(before, limit, { ...options, after: options?.after || undefined }),
    }),
    [DUE_UNKNOWN],
  ],
  [
    'continues after a run that has ended',
    (store, { runs }) => ({
      due: async (before, limit, options) => {
        const { after } = options ?? {}
        const stored = after === undefined ? undefined : runs.get(after)
        if (after === undefined || stored === undefined) return store.due(before, limit, options)
        runs.set(after, { ...stored, text: JSON.stringify({ ...JSON.parse(stored.text), status: 'running' }) })
        try {
          return await store.due(before, limit, options)
        } finally {
          runs.set(after, stored)
        }
      },
    }),
    [DUE_UNKNOWN],
  ],
  [
    'gives the runs of live workers as well',
    (store) => ({ due: (before, limit, options) => store.due(before, limit, { ...options, isFree: false }) }),
    [FREE, FREE_SAVED, FREE_PAGES],
  ],
  [
    'gives free runs only',
    (store) => ({ due: (before, limit, options) => store.due(before, limit, { ...options, isFree: true }) }),
    [FREE],
  ],
  [
    'takes a run with a worker for one that is held',
    (store, { runs }) => ({
      due: async (before, limit, options) => {
        const ids = await store.due(before, 1000, options)
        const free = ids.filter((id) => JSON.parse(runs.get(id)?.text ?? '{}').worker === undefined)
        return (options?.isFree ? free : ids).slice(0, limit)
      },
    }),
    [FREE, FREE_PAGES],
  ],
  [
    'takes a run without a worker for one that is held',
    (store, { runs }) => ({
      due: async (before, limit, options) => {
        const ids = await store.due(before, 1000, options)
        const held = ids.filter((id) => JSON.parse(runs.get(id)?.text ?? '{}').worker !== undefined)
        return (options?.isFree ? held : ids).slice(0, limit)
      },
    }),
    [FREE, FREE_SAVED, FREE_PAGES],
  ],
  [
    'takes an expired beat for a sign of life',
    (store, { beats, runs }) => ({
      due: async (before, limit, options) => {
        const ids = await store.due(before, 1000, options)
        const free = ids.filter((id) => !beats.has(JSON.parse(runs.get(id)?.text ?? '{}').worker))
        return (options?.isFree ? free : ids).slice(0, limit)
      },
    }),
    [FREE],
  ],
  [
    'counts held runs to the limit of free ones',
    (store) => ({
      due: async (before, limit, options) => {
        const page = await store.due(before, limit, { ...options, isFree: false })
        const free = await store.due(before, 1000, options)
        return page.filter((id) => free.includes(id))
      },
    }),
    [FREE_PAGES],
  ],
  [
    'continues after free runs only',
    (store) => ({
      due: async (before, limit, options) => {
        const free = await store.due(before, 1000, { ...options, after: undefined })
        return options?.after === undefined || free.includes(options.after) ? store.due(before, limit, options) : []
      },
    }),
    [FREE_PAGES],
  ],
  [
    'goes by the first worker of a run',
    (store, { runs }) => {
      const first = new Map<string, string>()
      return {
        create: (id, state) => {
          first.set(id, JSON.stringify(state))
          return store.create(id, state)
        },
        due: async (before, limit, options) => {
          const newest = [...runs]
          for (const [id, stored] of newest) {
            const { worker } = JSON.parse(first.get(id) ?? '{}')
            runs.set(id, { ...stored, text: JSON.stringify({ ...JSON.parse(stored.text), worker }) })
          }
          const ids = await store.due(before, limit, options)
          for (const [id, stored] of newest) runs.set(id, stored)
          return ids
        },
      }
    },
    [FREE, FREE_SAVED],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, expected) => {
  expect([...(await failuresOf(fault)).keys()]).toEqual(expected)
})
