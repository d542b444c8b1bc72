import { describe, expect, test } from 'vitest'
import type { RunQuery, RunStore, StoredRun } from '../../../src/index.js'
import { manualClock, runStoreConformance } from '../../../src/testing/index.js'
import { failedCases } from './failed-cases.js'
import { type Data, emptyData, plainStore } from './plain-run-store.js'

type Listed = StoredRun & { readonly id: string }
type Fault = Partial<{
  readonly keeps: (run: Listed, query: RunQuery) => boolean
  readonly compare: (a: Listed, b: Listed) => number
  readonly list: (query: RunQuery, right: (query: RunQuery) => readonly string[], data: Data) => readonly string[]
}>

describe('a good store with lists passes', () => {
  runStoreConformance({
    test,
    create: () => {
      const data = emptyData()
      return { store: listingStore(data), reopen: async () => listingStore(data) }
    },
  })
})

const ORDER = 'lists runs by their start, then by id, in both orders, whatever their status'
const PAGES = 'pages through every run once, in pages of any size'
const ARRIVALS = 'neither repeats nor skips a run when others start between two pages'
const UNKNOWN = 'lists nothing after an unknown run'
const OWNERS = 'lists the runs of one owner, whatever its characters, and those of every owner'
const REMOVED = 'leaves out runs that were removed, and still loads them and continues after them'
const SAVES = 'follows a save to another start or owner, and no fenced save'
const PROCESSES = 'lists what another process saved'

const broken: readonly (readonly [string, Fault, readonly string[]])[] = [
  ['has one order only', { list: (query, right) => right({ ...query, order: 'oldest-first' }) }, [ORDER, PAGES]],
  ['lists by when they were created', { compare: () => 0 }, [ORDER]],
  ['has no order among runs of one instant', { compare: (a, b) => startOf(a) - startOf(b) }, [ORDER, ARRIVALS]],
  [
    'keeps the ids in order when it goes backwards',
    {
      list: (query, right, { runs }) =>
        right(query).toSorted((a, b) => {
          const [one, two] = [startOf(stateOf(runs, a)), startOf(stateOf(runs, b))]
          return (query.order === 'newest-first' ? two - one : one - two) || (a < b ? -1 : 1)
        }),
    },
    [ORDER],
  ],
  ['lists running runs only', { keeps: ({ status }) => status === 'running' }, [ORDER]],
  ['leaves out runs without a start', { keeps: ({ startedAt }) => startedAt !== undefined }, [ORDER, PAGES, SAVES]],
  ['has no limit', { list: (query, right) => right({ ...query, limit: 1000 }) }, [ORDER]],
  ['has pages of two at most', { list: (query, right) => right({ ...query, limit: 2 }) }, [ORDER]],
  [
    'repeats the run to continue after',
    { list: (query, right) => (query.after ? [query.after, ...right(query)] : right(query)) },
    [PAGES, ARRIVALS, REMOVED],
  ],
  [
    'counts where a page begins',
    {
      list: ({ after, ...query }, right, { runs }) => {
        const all = right({ ...query, limit: 1000 })
        // As a cursor does that is a number of runs that were given before.
        const from = after === undefined ? 0 : [...runs.keys()].indexOf(after) + 1
        return all.slice(from, from + query.limit)
      },
    },
    [ARRIVALS],
  ],
  [
    'begins again after an unknown run',
    { list: (query, right, { runs }) => right(runs.has(query.after ?? '') ? query : { ...query, after: undefined }) },
    [UNKNOWN],
  ],
  [
    'takes an empty cursor for none',
    { list: (query, right) => right({ ...query, after: query.after || undefined }) },
    [UNKNOWN],
  ],
  ['gives every owner all runs', { list: (query, right) => right({ ...query, owner: undefined }) }, [OWNERS]],
  [
    'takes an empty owner for none',
    { list: (query, right) => right({ ...query, owner: query.owner || undefined }) },
    [OWNERS],
  ],
  [
    'compares owners without case',
    { keeps: ({ owner }, query) => owner?.toLowerCase() === query.owner?.toLowerCase() },
    [OWNERS],
  ],
  ['trims owners', { keeps: ({ owner }, query) => owner?.trim() === query.owner?.trim() }, [OWNERS]],
  [
    'lists only runs without an owner for a query of every owner',
    { keeps: ({ owner }, query) => owner === query.owner },
    [OWNERS],
  ],
  [
    'continues after runs of the owner only',
    {
      list: (query, right, { runs }) =>
        query.owner !== undefined &&
        stateOf(runs, query.after ?? '')?.owner !== query.owner &&
        query.after !== undefined
          ? []
          : right(query),
    },
    [OWNERS],
  ],
  ['lists removed runs', { keeps: () => true }, [REMOVED]],
  ['takes 0 for never', { keeps: ({ removedAt }) => !removedAt }, [REMOVED]],
  [
    'continues after no removed run',
    {
      list: (query, right, { runs }) => (stateOf(runs, query.after ?? '')?.removedAt === undefined ? right(query) : []),
    },
    [REMOVED],
  ],
]

test.each(broken)('a store that %s fails', async (_, fault, expected) => {
  const create = () => {
    const clock = manualClock()
    return { store: listingStore(emptyData(clock), fault), advance: (ms: number) => clock.advance(ms) }
  }
  const failed = await failedCases((collect) => runStoreConformance({ test: collect, timeoutMs: 500, create }))
  expect([...failed.keys()]).toEqual(expect.arrayContaining([...expected]))
})

test('a store that remembers what it listed fails', async () => {
  const create = () => {
    const data = emptyData()
    const listed = new Map<string, StoredRun>()
    const store = plainStore(data)
    return {
      store: {
        ...store,
        create: async (id: string, state: StoredRun) => {
          const isNew = await store.create(id, state)
          if (isNew) listed.set(id, state)
          return isNew
        },
        list: async (query: RunQuery) =>
          listOf(
            [...listed].map(([id, state]) => ({ ...state, id })),
            query,
          ),
      },
      reopen: async () => listingStore(data),
    }
  }
  const failed = await failedCases((collect) => runStoreConformance({ test: collect, create }))
  expect([...failed.keys()]).toEqual([REMOVED, SAVES, PROCESSES])
})

test('a store that lists a save that was fenced fails', async () => {
  const create = () => {
    const data = emptyData()
    const store = listingStore(data)
    const save: RunStore['save'] = async (id, version, state) => {
      const saved = await store.save(id, version, state).catch((error: unknown) => ({ error }))
      if (typeof saved === 'number') return saved
      const stored = data.runs.get(id)
      if (stored) data.runs.set(id, { ...stored, text: JSON.stringify(state) })
      throw saved.error
    }
    return { store: { ...store, save } }
  }
  const failed = await failedCases((collect) => runStoreConformance({ test: collect, create }))
  expect([...failed.keys()]).toContain(SAVES)
})

test('a store without lists gets no list calls', async () => {
  const create = () => ({ store: plainStore() })
  expect(await failedCases((collect) => runStoreConformance({ test: collect, create }))).toEqual(new Map())
})

function listingStore(data: Data, { list, ...fault }: Fault = {}): RunStore {
  const right = (query: RunQuery) =>
    listOf(
      [...data.runs].map(([id, { text }]) => ({ ...(JSON.parse(text) as StoredRun), id })),
      query,
      fault,
    )
  return { ...plainStore(data), list: async (query) => (list ? list(query, right, data) : right(query)) }
}

function listOf(runs: readonly Listed[], query: RunQuery, fault: Omit<Fault, 'list'> = {}): readonly string[] {
  const { keeps = keepsRight, compare = compareRight } = fault
  const oldest = runs.toSorted(compare)
  const sorted = query.order === 'oldest-first' ? oldest : oldest.toReversed()
  const place = sorted.findIndex(({ id }) => id === query.after)
  if (place === -1 && query.after !== undefined) return []
  return sorted
    .slice(place + 1)
    .filter((run) => keeps(run, query))
    .slice(0, query.limit)
    .map(({ id }) => id)
}

function keepsRight({ owner, removedAt }: Listed, query: RunQuery): boolean {
  return (query.withRemoved || removedAt === undefined) && (query.owner === undefined || owner === query.owner)
}

function compareRight(a: Listed, b: Listed): number {
  return startOf(a) - startOf(b) || (a.id < b.id ? -1 : 1)
}

function startOf(run: StoredRun | undefined): number {
  return run?.startedAt ?? 0
}

function stateOf(runs: Data['runs'], id: string): StoredRun | undefined {
  const text = runs.get(id)?.text
  return text === undefined ? undefined : (JSON.parse(text) as StoredRun)
}
