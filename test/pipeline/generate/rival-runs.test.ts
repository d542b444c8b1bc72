import { describe, expect, it } from 'vitest'
import { RunStateError, type RunStore, type StoredRun, type TaskGenerator } from '../../../src/index.js'
import { type Rivals, rivalsOf } from '../../../src/pipeline/generate/rival-runs.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { toStoredRun } from '../../../src/pipeline/state/stored-run.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import {
  acceptedJob,
  BY_FIND,
  LONGER,
  NOW,
  OTHER,
  READY,
  REQUEST,
  SENDING,
  sessionOf,
  stateOf,
  storeOf,
  UNKNOWN,
} from './prepared-runs.js'

type Doubt = Rivals['doubt']
type Changes = Partial<RunState>

const HOUR_MS = 3_600_000
// What a run that started so long before the submission sent is too old.
const LOOK_BACK_MS = 2 * HOUR_MS
// A settling time of 5 s, and clocks that are 61 minutes apart.
const RECENT_MS = 5000 + 3_660_000
const NONE: Rivals = { jobs: [], adopted: [], doubt: 'none', peers: 0 }

const own = stateOf('run_1', { submission: UNKNOWN })
const inReview: Changes = { status: 'needs-review', submission: UNKNOWN, endedAt: NOW }
const aborted: Changes = { status: 'failed', isAborted: true, submission: UNKNOWN, endedAt: NOW }
const done: Changes = { status: 'completed', request: OTHER, submission: acceptedJob('other'), endedAt: NOW }

/** What a lookup of `run_1` learns of the other runs of a store. */
async function rivalsAmong(
  rivals: readonly RunState[],
  {
    self = own,
    submission = BY_FIND,
    change = (store) => store,
  }: {
    readonly self?: RunState
    readonly submission?: TaskGenerator['submission']
    readonly change?: (store: RunStore) => RunStore
  } = {},
) {
  const clock = manualClock()
  const memory = await storeOf([self, ...rivals], clock)
  await memory.heartbeat('live', 10_000)
  const calls = { load: 0, list: 0 }
  const counted: RunStore = {
    ...memory,
    load: async (id) => {
      calls.load += 1
      return memory.load(id)
    },
    list: async (query) => {
      calls.list += 1
      expect(query.limit).toBe(100)
      return memory.list?.(query) ?? []
    },
  }
  const generator = fakeTaskGenerator({ name: 'first', submission, found: [] })
  const session = sessionOf({ generator, store: change(counted), clock }, self)
  return { calls, found: await rivalsOf(session, generator, UNKNOWN) }
}

const rival = (changes: Changes, id = 'run_2') => stateOf(id, changes)

/** Runs that have nothing to do with the request; the first one started last, at an instant. */
const crowd = (count: number, newestAt: number) =>
  Array.from({ length: count }, (_, at) => stateOf(`done_${at}`, { ...done, startedAt: newestAt - at }))

describe('what another run may have created', () => {
  it.each<[string, Changes, Doubt]>([
    ['is waiting for its first submission', { submission: READY }, 'none'],
    ['is submitting, in a process that lives', { submission: SENDING, worker: 'live' }, 'sending'],
    ['is another request, and submitting', { request: LONGER, submission: SENDING, worker: 'live' }, 'sending'],
    ['was submitted by a process that died', { submission: SENDING, worker: 'dead' }, 'peer'],
    ['was submitted by a process that let go of it', { submission: SENDING }, 'peer'],
    ['lost its answer, in a process that lives', { submission: UNKNOWN, worker: 'live' }, 'peer'],
    ['is another request, and lost its answer', { request: LONGER, submission: UNKNOWN, worker: 'live' }, 'unknown'],
    ['is another request of a process that died', { request: LONGER, submission: SENDING }, 'unknown'],
    ['ended in review', inReview, 'unknown'],
    ['was aborted in the middle of its submission', { ...aborted, submission: SENDING }, 'unknown'],
    ['was aborted after it lost its answer', aborted, 'unknown'],
    ['failed by a refusal', { ...aborted, isAborted: false }, 'none'],
    ['failed before it was first sent', { status: 'failed', submission: UNKNOWN, endedAt: NOW }, 'none'],
    ['was aborted before it was first sent', { ...aborted, submission: READY }, 'none'],
    ['has another prompt', { ...inReview, request: OTHER }, 'none'],
    [
      'was erased, and had the same prompt',
      { ...aborted, request: { prompt: '' }, fingerprint: own.fingerprint },
      'unknown',
    ],
    ['was erased, so that its prompt is unknown', { ...aborted, request: { prompt: '' }, erasedAt: NOW }, 'unknown'],
    ['submitted to another generator', { ...inReview, submission: { ...UNKNOWN, generator: 'second' } }, 'none'],
  ])('that %s', async (_, changes, doubt) => {
    expect((await rivalsAmong([rival(changes)])).found).toMatchObject({ jobs: [], adopted: [], doubt })
  })

  it('is nothing where version 0.1.0 saved no submission', async () => {
    const { submission: _, ...unsent } = rival({})
    expect((await rivalsAmong([unsent])).found).toEqual(NONE)
  })

  it.each<[Doubt, string, readonly Changes[]]>([
    ['peer', 'none', [{ submission: UNKNOWN }, { submission: READY }]],
    ['sending', 'peer', [{ submission: SENDING, worker: 'live' }, { submission: UNKNOWN }]],
    ['unknown', 'sending', [inReview, { submission: SENDING, worker: 'live' }]],
    ['unknown', 'peer', [aborted, { submission: UNKNOWN }]],
  ])('is %s before %s, in whichever order they are read', async (doubt, _, changes) => {
    for (const ids of [
      ['run_2', 'run_3'],
      ['run_3', 'run_2'],
    ]) {
      const rivals = changes.map((change, at) => rival(change, ids[at]))
      expect((await rivalsAmong(rivals)).found.doubt).toBe(doubt)
    }
  })
})

it('counts the identical requests whose answers were lost', async () => {
  const unknown = { submission: UNKNOWN }
  const rivals = [unknown, { submission: READY }, unknown, { ...unknown, request: OTHER }, inReview]
  const { found } = await rivalsAmong(rivals.map((changes, at) => rival(changes, `run_${at + 2}`)))
  expect(found).toMatchObject({ doubt: 'unknown', peers: 2 })
})

describe('a job that another run has', () => {
  it.each<[string, Changes]>([
    ['still runs', { submission: acceptedJob('x') }],
    ['gave a video', { status: 'completed', step: 'finish', submission: acceptedJob('x'), endedAt: NOW }],
    ['was aborted with it', { ...aborted, submission: acceptedJob('x') }],
    [
      'heard of it only after its abort',
      { ...aborted, upstream: { state: 'cancelled', generator: 'first', handle: acceptedJob('x').handle } },
    ],
  ])('is known, when that run %s', async (_, changes) => {
    expect((await rivalsAmong([rival(changes)])).found).toEqual({
      jobs: ['{"id":"x"}'],
      adopted: [],
      doubt: 'none',
      peers: 0,
    })
  })

  it('does not count at another generator, nor with another prompt', async () => {
    const elsewhere = { ...acceptedJob('x'), generator: 'second' }
    const rivals = [rival({ submission: elsewhere }), rival({ request: OTHER, submission: acceptedJob('y') }, 'run_3')]
    expect((await rivalsAmong(rivals)).found).toEqual(NONE)
  })
})

describe('a run that ended', () => {
  it.each([
    ['is declared', BY_FIND, RECENT_MS],
    ['is not declared', { idempotency: 'none', lookup: 'fingerprint' } as const, RECENT_MS + 25_000],
  ])('before its job could be listed is not a rival, where the settling time %s', async (_, submission, recentMs) => {
    for (const [endedAt, doubt] of [
      [NOW - recentMs, 'unknown'],
      [NOW - recentMs - 1, 'none'],
    ] as const) {
      const sent = { ...UNKNOWN, sentAt: endedAt - 1000 }
      const { found } = await rivalsAmong([rival({ ...aborted, submission: sent, endedAt })], { submission })
      expect(found).toMatchObject({ jobs: [], adopted: [], doubt })
    }
  })

  it('hours before it submitted, as a clock has it that was set back meanwhile, may be a rival', async () => {
    const { found } = await rivalsAmong([rival({ ...aborted, endedAt: NOW - 2 * RECENT_MS })])
    expect(found.doubt).toBe('unknown')
  })

  it('at an instant that is not known may be a rival', async () => {
    const { endedAt: _, ...undated } = rival(aborted)
    expect((await rivalsAmong([undated])).found.doubt).toBe('unknown')
  })
})

describe('the runs that are read', () => {
  it('are not this one', async () => {
    const { found, calls } = await rivalsAmong([])
    expect([found, calls]).toEqual([NONE, { load: 0, list: 1 }])
  })

  it('include each that is running, however long ago it started', async () => {
    const old = rival({ submission: UNKNOWN, startedAt: NOW - 30 * HOUR_MS })
    const { found } = await rivalsAmong([old, ...crowd(150, NOW - 3 * HOUR_MS)])
    expect(found.doubt).toBe('peer')
  })

  it('include those that started in the two hours before the submission, on every page', async () => {
    const self = { ...own, startedAt: NOW - LOOK_BACK_MS - HOUR_MS }
    for (const [oldestAt, doubt] of [
      [NOW - LOOK_BACK_MS, 'unknown'],
      [NOW - LOOK_BACK_MS - 1, 'none'],
    ] as const) {
      // The last of the first page started then; the run in review is the only one of the second page.
      const rivals = [...crowd(100, oldestAt + 99), rival({ ...inReview, startedAt: oldestAt - 1 })]
      expect((await rivalsAmong(rivals, { self })).found).toMatchObject({ jobs: [], adopted: [], doubt })
    }
  })

  it('are listed from the newest, a hundred at a time', async () => {
    const rivals = [...crowd(249, NOW - 1), rival({ ...inReview, startedAt: NOW - 1000 })]
    const { found, calls } = await rivalsAmong(rivals)
    expect([found.doubt, calls.list]).toEqual(['unknown', 3])
    const old = await rivalsAmong([...crowd(249, NOW - 3 * HOUR_MS), rival({ ...inReview, startedAt: NOW })])
    expect([old.found.doubt, old.calls.list]).toEqual(['unknown', 1])
  })

  it('end with a list whose last page is full', async () => {
    const { found, calls } = await rivalsAmong(crowd(199, NOW))
    expect([found, calls.list]).toEqual([NONE, 3])
  })

  it('are unknown in a store that cannot list those that have ended', async () => {
    const rivals = [rival({ submission: UNKNOWN }), rival(inReview, 'run_3')]
    const { list: _, ...unlisted } = await storeOf([own, ...rivals], manualClock())
    expect((await rivalsAmong(rivals, { change: () => unlisted })).found.doubt).toBe('unknown')
  })

  // A store of any size, in which every run started a moment ago.
  const endless = (store: RunStore): RunStore => ({
    ...store,
    list: async ({ after }) => {
      const first = after === undefined ? 0 : Number(after.split('_')[1]) + 1
      return Array.from({ length: 100 }, (_, at) => `done_${first + at}`)
    },
    load: async (id) => (id.startsWith('done_') ? { version: 1, state: toStoredRun(recentRun) } : store.load(id)),
  })
  const recentRun = stateOf('done_0', { ...done, startedAt: NOW - 1 })

  it('are too many to read in time from 20,000 on: then a person decides', async () => {
    const accepted = rival({ submission: acceptedJob('x') })
    const { found } = await rivalsAmong([accepted], { change: endless })
    expect(found).toEqual({ jobs: [], adopted: [], doubt: 'too-many', peers: 0 })
  })

  it('are still read below that', async () => {
    const self = { ...own, startedAt: NOW - HOUR_MS }
    const rivals = [rival({ submission: acceptedJob('x') }), ...crowd(4000, NOW - 1)]
    expect((await rivalsAmong(rivals, { self })).found).toEqual({
      jobs: ['{"id":"x"}'],
      adopted: [],
      doubt: 'none',
      peers: 0,
    })
  })
})

describe('a run that cannot be read', () => {
  const broken: Readonly<Record<string, (state: StoredRun) => StoredRun>> = {
    'is of a later version': (state) => ({ ...state, v: 3 }),
    'has a broken state': (state) => ({ ...state, submission: 'none' }),
    'is broken in the store': () => {
      throw new RunStateError('Could not read the run, its file is broken: run_2')
    },
  }

  /** A store that gives another answer for one run. */
  const spoilt =
    (id: string, answer: (loaded: NonNullable<Awaited<ReturnType<RunStore['load']>>>) => unknown) =>
    (store: RunStore): RunStore => ({
      ...store,
      load: async (asked) => {
        const loaded = await store.load(asked)
        return loaded && asked === id ? ((await answer(loaded)) as typeof loaded) : loaded
      },
    })

  it.each(Object.entries(broken))('because it %s hides none of the others', async (_, spoil) => {
    const change = spoilt('run_2', (loaded) => ({ ...loaded, state: spoil(loaded.state) }))
    const rivals = [rival({ submission: UNKNOWN }), rival(inReview, 'run_3')]
    expect((await rivalsAmong(rivals, { change })).found).toEqual({ jobs: [], adopted: [], doubt: 'unknown', peers: 0 })
    expect((await rivalsAmong(rivals.slice(0, 1), { change })).found).toEqual(NONE)
  })

  it('at the end of a page does not end the list', async () => {
    const self = { ...own, startedAt: NOW - HOUR_MS }
    const change = spoilt('done_99', (loaded) => ({ ...loaded, state: { ...loaded.state, v: 3 } }))
    const rivals = [...crowd(100, NOW), rival({ ...inReview, startedAt: NOW - 1000 })]
    expect((await rivalsAmong(rivals, { self, change })).found.doubt).toBe('unknown')
  })

  it('because the store forgot it meanwhile hides none of the others', async () => {
    const change = spoilt('run_2', () => undefined)
    const rivals = [rival({ submission: UNKNOWN }), rival(inReview, 'run_3')]
    expect((await rivalsAmong(rivals, { change })).found.doubt).toBe('unknown')
  })

  it('because the store is down proves nothing', async () => {
    const change = spoilt('run_2', () => Promise.reject(new Error('connect ECONNREFUSED')))
    await expect(rivalsAmong([rival({ submission: READY, request: REQUEST })], { change })).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: true,
      message: 'Could not read the run, the store is down: run_2',
    })
  })
})
