import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ServerKind } from '../stores/servers/open-server-store.ts'
import { type OwnServer, startServer } from '../stores/servers/own-server.js'
import { isPostgresSkipped } from '../stores/servers/postgres-server.js'
import { isRedisSkipped } from '../stores/servers/redis-server.js'
import { type Kill, type Life, startWorld, type World } from './run-life.js'

// Processes are killed, and so is the server of their store, which starts again on its files.

const EARLY: readonly Kill[] = [
  { at: 'after create', crash: true },
  { at: 'after sending', crash: true },
  { during: 'create', commitment: 'at-once', crash: true },
  { at: 'before accepted' },
  { at: 'after accepted', crash: true },
]
const LATE: readonly Kill[] = [
  { at: 'before sending', crash: true },
  { at: 'after claim', crash: true },
  { during: 'poll', crash: true },
  { during: 'publish' },
  { at: 'before completed', crash: true },
]

const kinds: readonly (readonly [kind: ServerKind, isSkipped: boolean])[] = [
  ['pg', isPostgresSkipped],
  ['ioredis', isRedisSkipped],
  ['redis', isRedisSkipped],
]

describe.each(kinds)('with a store over %s', (kind, isSkipped) => {
  let world: World
  const servers: OwnServer[] = []

  beforeAll(async () => {
    if (isSkipped) return
    world = await startWorld()
    servers.push(...(await Promise.all([startServer(kind), startServer(kind)])))
  })
  afterAll(async () => {
    await world?.close()
    await Promise.all(servers.map((server) => server.close()))
  })

  it.skipIf(isSkipped)(
    'pays once and loses nothing, whenever process and server are killed',
    async () => {
      const lives = [
        { store: kind, mode: 'find', runs: 1, kills: EARLY },
        { store: kind, mode: 'key', runs: 1, kills: LATE },
      ] satisfies readonly Life[]
      const tolls = await Promise.all(
        lives.map((life, index) => world.live({ ...life, ...(servers[index] && { server: servers[index] }) })),
      )
      expect(tolls).toEqual(lives.map(() => ({ kills: 5, runs: 1, creates: 1, lost: 0 })))
    },
    120_000,
  )

  it.skipIf(isSkipped)(
    'pays once and loses nothing when only the server is killed, at any instant',
    async () => {
      const lives = [50, 250].map((afterMs, index) => {
        const server = servers[index]
        return world.live({
          store: kind,
          ...(server && { server }),
          mode: 'find',
          runs: 5,
          kills: [{ afterMs, crash: true }],
        })
      })
      // The process may have brought them to their end before it is killed at last.
      for (const toll of await Promise.all(lives)) expect(toll).toMatchObject({ runs: 5, creates: 5, lost: 0 })
    },
    120_000,
  )
})
