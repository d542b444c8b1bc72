import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Life, liveAll, startWorld, type World } from './run-life.js'

// A few kills of processes of 0.1.0 and of the present version on one store; `npm run kill-tests` has many.

let world: World

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world.close())

it.concurrent('pays once and loses nothing when processes of 0.1.0 and of this version are killed in turn', async () => {
  const lives: readonly Life[] = [
    { store: 'file', mode: 'find', runs: 1, kills: [{ by: '0.1.0', at: 'after intent' }, { at: 'before accepted' }] },
    { store: 'sqlite', mode: 'key', runs: 1, kills: [{ by: '0.1.0', during: 'create' }, { at: 'after take' }] },
    { store: 'file', mode: 'key', runs: 1, kills: [{ by: '0.1.0', at: 'before upload' }, { at: 'before completed' }] },
    { store: 'sqlite', mode: 'find', runs: 1, kills: [{ by: '0.1.0', during: 'poll' }, { at: 'before publish' }] },
  ]
  expect(await liveAll(world, lives, 4)).toEqual({ kills: 8, runs: 4, creates: 4, lost: 0 })
}, 60_000)

it.concurrent.each(['file', 'sqlite'] as const)(
  'has runs of this version left alone by a process of 0.1.0: %sStore',
  async (store) => {
    const { reported, before, after, toll } = await world.outdated({ store, mode: 'key', runs: 1 }, 'after accepted')
    expect(reported).toEqual([
      { ended: expect.any(String), error: expect.stringContaining('its state is of a later version of the library') },
    ])
    expect(before).toEqual([expect.any(Number)])
    expect(after).toEqual(before)
    expect(toll).toMatchObject({ runs: 1, creates: 1, lost: 0 })
  },
  60_000,
)

it.concurrent('sends nothing in a process of 0.1.0 that wakes after this version has taken over', async () => {
  const life = { store: 'sqlite', mode: 'find', runs: 1 } as const
  expect(await world.freeze(life, 'before send', '0.1.0')).toMatchObject({ creates: 1, lost: 0 })
}, 60_000)
