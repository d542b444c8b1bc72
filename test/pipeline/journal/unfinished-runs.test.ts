import { describe, expect, it } from 'vitest'
import { memoryStore, type RunStore } from '../../../src/index.js'
import { dueRuns, unfinishedRuns } from '../../../src/pipeline/journal/unfinished-runs.js'
import { configOf } from '../../../src/pipeline/pipeline-config.js'
import { fakeGenerator, manualClock } from '../../../src/testing/index.js'
import { NOW, stateOf, storeOf } from '../generate/prepared-runs.js'
import { down, isDown, isInvalid, recordedStore } from './recorded-store.js'

const PAGE = 1000
const ALL = Number.POSITIVE_INFINITY
const NONE: ReadonlySet<string> = new Set()

const configWith = (store: RunStore, clock = manualClock()) => configOf({ generator: fakeGenerator(), store, clock })

/** Ids `r<from>` to `r<to - 1>`. */
const idsOf = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `r${from + at}`)

/** A store whose `due` answers with pages, in order, and then with nothing. */
function pagedStore(pages: readonly (readonly string[])[]) {
  let asked = 0
  const due: RunStore['due'] = async () => {
    asked += 1
    return pages[asked - 1] ?? []
  }
  const { store, callsOf } = recordedStore(memoryStore(), { due })
  return { config: configWith(store), reads: () => callsOf('due') }
}

it('reads again where a run may have changed its place between two pages, however many of them are live', async () => {
  const first = idsOf(0, PAGE)
  const live = new Set(idsOf(0, 900))
  const { config, reads } = pagedStore([
    first,
    idsOf(PAGE, PAGE + 300),
    first,
    idsOf(PAGE, PAGE + 301),
    first,
    idsOf(PAGE, PAGE + 301),
  ])
  expect(await unfinishedRuns(config, ALL, live)).toHaveLength(100 + 301)
  expect(reads()).toHaveLength(6)
})

describe('the limit of runs', () => {
  const fix = 'give a whole number from 1'
  const wrong: readonly (readonly [unknown, string])[] = [
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    ['5', '"5"'],
    [null, 'null'],
  ]

  it.each(wrong)('%s is refused, and the store is not called', async (limit, value) => {
    const { config, reads } = pagedStore([['r0']])
    const error = isInvalid('limit', value, fix)
    await expect(unfinishedRuns(config, limit as number, NONE)).rejects.toMatchObject(error)
    await expect(dueRuns(config, limit as number)).rejects.toMatchObject(error)
    expect(reads()).toEqual([])
  })

  it('is Infinity for all unfinished runs, but not for due runs', async () => {
    const { config } = pagedStore([['r0']])
    expect(await unfinishedRuns(config, ALL, NONE)).toEqual(['r0'])
    await expect(dueRuns(config, ALL)).rejects.toMatchObject(isInvalid('limit', 'Infinity', fix))
  })

  it('may be 1', async () => {
    const states = ['run_1', 'run_2'].map((id, at) => stateOf(id, { wakeAt: NOW - at }))
    const config = configWith(await storeOf(states, manualClock()))
    expect(await unfinishedRuns(config, 1, NONE)).toEqual(['run_2'])
    expect(await dueRuns(config, 1)).toEqual(['run_2'])
  })
})

describe('unfinished runs', () => {
  it('are those of the store that have not ended, also those that are not due, without those that are live here', async () => {
    const states = [
      stateOf('run_1', { wakeAt: NOW + 5000, worker: 'other' }),
      stateOf('run_2'),
      stateOf('run_3'),
      stateOf('run_4', { status: 'needs-review' }),
      stateOf('run_5', { status: 'failed' }),
    ]
    const config = configWith(await storeOf(states, manualClock()))
    expect(await unfinishedRuns(config, ALL, new Set(['run_3']))).toEqual(['run_2', 'run_1'])
  })

  it('of one page are read once', async () => {
    const { config, reads } = pagedStore([idsOf(0, PAGE - 1)])
    expect(await unfinishedRuns(config, ALL, NONE)).toHaveLength(PAGE - 1)
    expect(reads()).toEqual([[Number.MAX_SAFE_INTEGER, PAGE, { after: undefined }]])
  })

  it('of more than one page are read from the last of each page, and again until nothing is new', async () => {
    const pages = [idsOf(0, PAGE), idsOf(PAGE, PAGE + 500)]
    const { config, reads } = pagedStore([...pages, ...pages])
    expect(await unfinishedRuns(config, ALL, NONE)).toEqual(pages.flat())
    expect(reads().map(([, , options]) => options)).toEqual([
      { after: undefined },
      { after: 'r999' },
      { after: undefined },
      { after: 'r999' },
    ])
  })

  it.each<[string, readonly (readonly string[])[], readonly string[]]>([
    [
      'moved before the place that is read',
      [idsOf(0, PAGE), ['r1000'], ['moved', ...idsOf(0, PAGE - 1)], ['r999', 'r1000']],
      [...idsOf(0, PAGE + 1), 'moved'],
    ],
    [
      'follows a run that ended meanwhile',
      [idsOf(0, PAGE), [], [...idsOf(0, PAGE - 1), 'r1000'], []],
      idsOf(0, PAGE + 1),
    ],
  ])('include one that %s', async (_, pages, found) => {
    const { config } = pagedStore([...pages, ...pages.slice(2)])
    expect(await unfinishedRuns(config, ALL, NONE)).toEqual(found)
  })

  it('are read three times at most, however many are new', async () => {
    const pages = Array.from({ length: 5 }, (_, pass) => [idsOf(pass * PAGE, (pass + 1) * PAGE), []])
    const { config, reads } = pagedStore(pages.flat())
    expect(await unfinishedRuns(config, ALL, NONE)).toEqual(idsOf(0, 3 * PAGE))
    expect(reads()).toHaveLength(6)
  })

  it('are not read past the limit', async () => {
    const { config, reads } = pagedStore([idsOf(0, PAGE), idsOf(PAGE, 2 * PAGE)])
    expect(await unfinishedRuns(config, PAGE, NONE)).toEqual(idsOf(0, PAGE))
    expect(reads()).toHaveLength(1)
  })

  it('cannot be read from a store that is down', async () => {
    const { store } = recordedStore(memoryStore(), { due: down })
    const error = isDown('Could not search for unfinished runs, the store is down')
    await expect(unfinishedRuns(configWith(store), ALL, NONE)).rejects.toMatchObject(error)
  })
})

describe('due runs', () => {
  it('are those whose time has come and that no live worker holds, the most overdue first', async () => {
    const clock = manualClock()
    const states = [
      stateOf('now'),
      stateOf('earlier', { wakeAt: NOW - 1 }),
      stateOf('later', { wakeAt: NOW + 1 }),
      stateOf('held', { worker: 'live' }),
      stateOf('left', { worker: 'dead' }),
      stateOf('over', { status: 'completed' }),
    ]
    const store = await storeOf(states, clock)
    await store.heartbeat('live', 1000)
    expect(await dueRuns(configWith(store, clock), 100)).toEqual(['earlier', 'left', 'now'])
  })

  it('cannot be read from a store that is down', async () => {
    const { store } = recordedStore(memoryStore(), { due: down })
    const error = isDown('Could not search for runs that are due, the store is down')
    await expect(dueRuns(configWith(store), 100)).rejects.toMatchObject(error)
  })
})
