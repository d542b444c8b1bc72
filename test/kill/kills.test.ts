import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Kill, type Life, liveAll, startWorld, type World } from './run-life.js'

// A few kills, so that every run of the tests has some; `npm run kill-tests` has hundreds.

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world.close())

it.concurrent('pays once and loses nothing, whenever its process is killed', async () => {
  const early: readonly Kill[] = [
    { at: 'after sending' },
    { during: 'poll' },
    { during: 'publish' },
    { at: 'before completed' },
  ]
  const late: readonly Kill[] = [
    { during: 'create', commitment: 'late' },
    { at: 'before accepted' },
    { during: 'download' },
    { at: 'after completed' },
  ]
  const lives: readonly Life[] = [
    { store: 'file', mode: 'find', runs: 1, kills: early },
    { store: 'sqlite', mode: 'key', runs: 1, kills: early },
    { store: 'sqlite', mode: 'find', runs: 1, kills: late },
    { store: 'file', mode: 'key', runs: 1, kills: late },
    { store: 'file', mode: 'videos-api', runs: 1, kills: [{ at: 'before send' }, { at: 'before accepted' }] },
  ]
  const toll = await liveAll(world, lives, 5)
  expect(toll).toEqual({ kills: 18, runs: 5, creates: 5, lost: 0 })
}, 60_000)

it.concurrent('sends nothing when it wakes after another process has taken over', async () => {
  const life = { store: 'file', mode: 'find', runs: 1 } as const
  expect(await world.freeze(life, 'before send')).toMatchObject({ creates: 1, lost: 0 })
}, 60_000)
