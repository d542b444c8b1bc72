import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Kill, type Life, liveAll, startWorld, type World } from './run-life.js'
import { seededRandom } from './seeded-random.js'

const STORES = ['file', 'sqlite'] as const
const MODES = ['key', 'find'] as const
const AT_ONCE = 8
const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000)

// Where a process of 0.1.0 leaves a run, and where after it one of this version does.
const PAIRS: readonly (readonly [Kill, Kill])[] = [
  [{ at: 'before create' }, { at: 'after create' }],
  [{ at: 'after create' }, { at: 'before take' }],
  [{ at: 'before ready' }, { at: 'after take' }],
  [{ at: 'after ready' }, { at: 'after sending' }],
  [{ at: 'before intent' }, { at: 'before send' }],
  [{ at: 'after intent' }, { at: 'after unknown' }],
  [{ at: 'before send' }, { at: 'before accepted' }],
  [{ during: 'create', commitment: 'at-once' }, { at: 'before unknown' }],
  [{ during: 'create', commitment: 'late' }, { at: 'after take' }],
  [{ during: 'create', commitment: 'never' }, { at: 'after accepted' }],
  [{ at: 'before claim' }, { at: 'after claim' }],
  [{ at: 'before accepted' }, { at: 'before take' }],
  [{ at: 'after accepted' }, { at: 'after take' }],
  [{ during: 'poll' }, { at: 'before publish' }],
  [{ at: 'before publish' }, { during: 'publish' }],
  [{ at: 'after publish' }, { at: 'after resolve' }],
  [{ at: 'before resolve' }, { at: 'before upload' }],
  [{ at: 'after upload' }, { during: 'download' }],
  [{ during: 'download' }, { at: 'before unpublish' }],
  [{ at: 'before unpublish' }, { at: 'before completed' }],
  [{ at: 'after finish' }, { at: 'before completed' }],
  [{ at: 'before completed' }, { at: 'after completed' }],
  [{ at: 'after completed' }, { at: 'after heartbeat' }],
]

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world.close())

it('pays once and loses nothing when processes of 0.1.0 and of this version are killed in turn', async () => {
  const random = seededRandom(seed)
  console.info(`seed ${seed}: KILL_SEED=${seed} repeats the instants`)
  // Each pair on both stores, with one mode each: with the other one for another seed.
  const boundaries = STORES.flatMap((store, place) =>
    PAIRS.map(([former, present], index): Life => {
      const mode = MODES[(seed + place + index) % MODES.length] ?? 'key'
      const later: Kill = { by: '0.1.0', afterMs: random() * 500 }
      return { store, mode, runs: 1, kills: [{ ...former, by: '0.1.0' }, present, later] }
    }),
  )
  const instants = STORES.flatMap((store) =>
    Array.from({ length: 5 }, (_, index): Life => {
      const kills = Array.from(
        { length: 6 },
        (_, turn): Kill => ({ afterMs: random() * 1000, ...(turn % 2 === 0 && { by: '0.1.0' }) }),
      )
      return { store, mode: MODES[index % 2] ?? 'key', runs: 4, kills }
    }),
  )
  const { kills, runs, creates, lost } = await liveAll(world, [...instants, ...boundaries], AT_ONCE)
  console.info(`both versions: kills ${kills}, runs ${runs}, creates ${creates}, lost ${lost}`)
  expect({ creates, lost }).toEqual({ creates: runs, lost: 0 })
  expect(kills).toBeGreaterThanOrEqual(120)
})

it('pays once when a process of 0.1.0 is stopped, this version takes over, and the first one wakes', async () => {
  const points = [
    'after create',
    'after intent',
    'before send',
    'before accepted',
    'before publish',
    'before completed',
  ]
  const all = STORES.flatMap((store) =>
    MODES.flatMap((mode) => points.map((at) => ({ life: { store, mode, runs: 1 }, at }))),
  )
  const work = async () => {
    for (let next = all.shift(); next !== undefined; next = all.shift()) {
      const toll = await world.freeze(next.life, next.at, '0.1.0')
      expect({ ...next, ...toll }).toMatchObject({ creates: 1, lost: 0 })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
})

it('has runs of this version left alone by 0.1.0, wherever they are', async () => {
  const points = ['after create', 'after sending', 'after accepted', 'after publish', 'after upload', 'after completed']
  const all = STORES.flatMap((store) => points.map((at) => ({ life: { store, mode: 'key' as const, runs: 1 }, at })))
  const work = async () => {
    for (let next = all.shift(); next !== undefined; next = all.shift()) {
      const { reported, before, after, toll } = await world.outdated(next.life, next.at)
      const error = expect.stringContaining('its state is of a later version of the library')
      expect({ ...next, reported }).toMatchObject({ reported: [{ error }] })
      expect({ ...next, after }).toEqual({ ...next, after: before })
      expect({ ...next, ...toll }).toMatchObject({ creates: 1, lost: 0 })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
})
