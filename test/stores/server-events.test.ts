import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StoredRun } from '../../src/index.js'
import { eventually } from '../support/eventually.js'
import { openServerStore, type ServerKind } from './servers/open-server-store.ts'
import { type OwnServer, startServer } from './servers/own-server.js'
import { isPostgresSkipped } from './servers/postgres-server.js'
import { isRedisSkipped } from './servers/redis-server.js'

const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }
const kinds: readonly (readonly [kind: ServerKind, isSkipped: boolean])[] = [
  ['pg', isPostgresSkipped],
  ['ioredis', isRedisSkipped],
  ['redis', isRedisSkipped],
]

describe.each(kinds)('events of a server that ends and comes back, %s', (kind, isSkipped) => {
  let server: OwnServer
  beforeAll(async () => {
    if (!isSkipped) server = await startServer(kind)
  })
  afterAll(() => server?.close())

  it.skipIf(isSkipped)('are heard again, after a call without a run', async () => {
    const place = server.place('crash')
    const [reader, writer] = [await openServerStore(kind, place), await openServerStore(kind, place)]
    await writer.store.create('run_1', RUNNING)
    const heard: (string | undefined)[] = []
    const subscription = await reader.store.followEvents((id) => heard.push(id))
    await server.crash()
    await eventually(() => expect(heard).toContain(undefined))
    let sequence = 0
    // The writer may not be connected yet.
    await eventually(async () => {
      await writer.store.appendEvents('run_1', [{ sequence }]).catch(() => undefined)
      sequence += 1
      expect(heard).toContain('run_1')
    })
    expect((await reader.store.readEvents('run_1', -1, 1000)).length).toBeGreaterThan(0)
    await subscription.close()
    await Promise.all([reader.close(), writer.close()])
  })

  it.skipIf(isSkipped)('leave no connection behind that hears of them', async () => {
    const { store, close } = await openServerStore(kind, server.place('closed'))
    const subscriptions = await Promise.all(Array.from({ length: 20 }, () => store.followEvents(() => undefined)))
    for (const subscription of subscriptions) await subscription.close()
    const again = await store.followEvents(() => undefined)
    await again.close()
    await close() // Of pg it would wait for a client of the pool.
  })
})
