import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Kill, type Life, liveAll, startWorld, type World } from './run-life.js'
import { seededRandom } from './seeded-random.js'

const STORES = ['file', 'sqlite'] as const
const AT_ONCE = 8
const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000)

// Every boundary of a run, and every request of it while it is under way, in the order in which a run comes to them.
const KILLS: readonly Kill[] = [
  { at: 'before heartbeat' },
  { at: 'after heartbeat' },
  { at: 'before create' },
  { at: 'after create' },
  { at: 'before sending' },
  { at: 'after sending' },
  { at: 'before send' },
  { during: 'create', commitment: 'at-once' },
  { during: 'create', commitment: 'late' },
  { during: 'create', commitment: 'never' },
  { at: 'before claim' },
  { at: 'after claim' },
  { at: 'before accepted' },
  { at: 'after accepted' },
  { during: 'poll' },
  { at: 'before publish' },
  { at: 'after publish' },
  { during: 'publish' },
  { at: 'before resolve' },
  { at: 'after resolve' },
  { at: 'before upload' },
  { at: 'before take' },
  { at: 'after take' },
  { at: 'after upload' },
  { during: 'download' },
  { at: 'before unpublish' },
  { at: 'after unpublish' },
  { at: 'before completed' },
  { at: 'after completed' },
]

// Calls of a process that found a submission about to be sent.
const RECONCILED: readonly Kill[] = [
  { at: 'after sending' },
  { at: 'before unknown' },
  { at: 'after take' },
  { at: 'after unknown' },
  { at: 'before accepted' },
]

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world.close())

it('pays once and loses nothing, whenever its process is killed', async () => {
  const random = seededRandom(seed)
  console.info(`seed ${seed}: KILL_SEED=${seed} repeats the instants`)
  const boundaries = STORES.flatMap((store) =>
    (['key', 'find', 'videos-api'] as const).flatMap((mode): readonly Life[] => {
      // The sandbox holds back no requests.
      const kills = mode === 'videos-api' ? KILLS.filter((kill) => 'at' in kill || isHeld(kill, 'publish')) : KILLS
      const third = Math.ceil(kills.length / 3)
      const thirds = Array.from({ length: third }, (_, first) => kills.filter((_, index) => index % third === first))
      return [RECONCILED, ...thirds].map((some) => ({ store, mode, runs: 1, kills: some }))
    }),
  )
  const instants = STORES.flatMap((store) =>
    Array.from(
      { length: 9 },
      (_, index): Life => ({
        store,
        mode: (['key', 'find', 'videos-api'] as const)[index % 3] ?? 'key',
        runs: 3,
        kills: Array.from({ length: 4 }, () => ({ afterMs: random() * 1000 })),
      }),
    ),
  )
  const startedAt = performance.now()
  const { kills, runs, creates, lost } = await liveAll(world, [...instants, ...boundaries], AT_ONCE)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.info(`kills ${kills}, runs ${runs}, creates ${creates}, lost ${lost}, in ${seconds} s`)
  expect({ creates, lost }).toEqual({ creates: runs, lost: 0 })
  expect(kills).toBeGreaterThanOrEqual(150)
})

it('pays once when a process is stopped, another takes over, and the first one wakes', async () => {
  const points = [
    'after create',
    'after sending',
    'before send',
    'before accepted',
    'before publish',
    'before upload',
    'before completed',
  ]
  const all = STORES.flatMap((store) =>
    (['key', 'find'] as const).flatMap((mode) => points.map((at) => ({ life: { store, mode, runs: 1 }, at }))),
  )
  let runs = 0
  const work = async () => {
    for (let next = all.shift(); next !== undefined; next = all.shift()) {
      expect({ ...next, ...(await world.freeze(next.life, next.at)) }).toMatchObject({ creates: 1, lost: 0 })
      runs += 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  console.info(`stopped and woken ${runs}, creates ${runs}, lost 0`)
})

function isHeld(kill: Kill, request: string): boolean {
  return 'during' in kill && kill.during === request
}
