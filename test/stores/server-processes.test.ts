import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { killSaves } from './kill-saves.js'
import { type ScriptProcess, startScript } from './processes.js'
import { openServerStore, type ServerKind } from './servers/open-server-store.ts'
import { type OwnServer, startServer } from './servers/own-server.js'
import { isPostgresSkipped } from './servers/postgres-server.js'
import { isRedisSkipped } from './servers/redis-server.js'
import type { StoreTask } from './store-process.js'

const PROCESSES = 8

const kinds: readonly (readonly [kind: ServerKind, isSkipped: boolean])[] = [
  ['pg', isPostgresSkipped],
  ['ioredis', isRedisSkipped],
  ['redis', isRedisSkipped],
]

describe.each(kinds)('%s, with processes at once', (kind, isSkipped) => {
  let server: OwnServer

  beforeAll(async () => {
    if (!isSkipped) server = await startServer(kind)
  })
  afterAll(() => server?.close())

  const startAll = async (job: StoreTask['job'], place: string, times: number): Promise<readonly ScriptProcess[]> => {
    const processes = Array.from({ length: PROCESSES }, (_, index) =>
      startScript('stores/store-process.ts', { kind, place, job, name: `process ${index}`, times }),
    )
    await Promise.all(processes.map(({ next }) => next((told) => told === 'ready')))
    for (const { send } of processes) send('go')
    await Promise.all(processes.map(({ ended }) => ended))
    return processes
  }

  it.skipIf(isSkipped)('loses no update of 8 times 50 increments', async () => {
    const place = server.place('increments')
    const { store, close } = await openServerStore(kind, place)
    await store.create('counter', { status: 'running', wakeAt: 0, count: 0 })
    await startAll('increment', place, 50)
    expect(await store.load('counter')).toMatchObject({ version: 401, state: { count: 400 } })
    await close()
  })

  it.skipIf(isSkipped)('all migrate it at once, one creates each run, and one has each claim', async () => {
    const place = server.place('race')
    const processes = await startAll('race', place, 20)
    const won = processes.flatMap(({ told }) => told).filter((entry) => entry !== 'ready')
    const numbers = Array.from({ length: 20 }, (_, index) => index)
    expect(won.sort()).toEqual(numbers.flatMap((index) => [`job_${index}`, `run_${index}`]).sort())
    const { store, close } = await openServerStore(kind, place)
    expect(await store.due(100, 100)).toHaveLength(20)
    await close()
  })

  it.skipIf(isSkipped)(
    'has a whole version after every kill in the middle of saves, and never an older one',
    async () => {
      const place = server.place('saves')
      const { store, close } = await openServerStore(kind, place)
      let turn = 0
      const random = () => (turn++ % 5) / 5
      expect(await killSaves(store, { kind, place }, { kills: 8, random })).toBeGreaterThan(8)
      await close()
    },
  )
})
