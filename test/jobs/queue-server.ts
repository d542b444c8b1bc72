import { createPostgresBackend, Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import type { RunStore } from '../../src/contracts/run-store.js'
import type { QueueOptions } from '../../src/jobs/index.js'
import { postgresStore, redisStore } from '../../src/stores/index.js'
import { isPostgresSkipped, startPostgres } from '../stores/servers/postgres-server.js'
import { isRedisSkipped, startRedis } from '../stores/servers/redis-server.js'

/** The kinds of server that hold a queue and the store of its runs. */
export const SERVERS = [
  ['Redis', isRedisSkipped],
  ['PostgreSQL', isPostgresSkipped],
] as const

/** A queue and a store of their own on a server. */
export interface QueueSite {
  readonly store: RunStore
  /** For a runner or a worker. */
  readonly at: QueueOptions
  /** The queue, to look at it from outside. */
  readonly queue: Queue
}

/** A server of a kind, with the port where it is reached. */
export interface QueueServer {
  /** A queue and a store with data of their own; `port` is that of a proxy before the server. */
  site(name: string, port?: number): Promise<QueueSite>
  readonly port: number
  crash(): Promise<void>
  close(): Promise<void>
}

/** Starts a server. */
export async function startQueueServer(kind: (typeof SERVERS)[number][0]): Promise<QueueServer> {
  const open: (() => Promise<unknown>)[] = []
  const postgres = kind === 'Redis' ? undefined : await startPostgres()
  const server = postgres ?? (await startRedis())
  const site = async (name: string, port = server.port): Promise<QueueSite> => {
    if (postgres === undefined) {
      const connection = { host: '127.0.0.1', port }
      const client = new Redis(connection)
      const store = redisStore({ client, prefix: name })
      await store.migrate()
      const queue = new Queue('runs', { connection, prefix: name })
      queue.on('error', () => undefined)
      open.push(
        () => queue.close(),
        async () => client.disconnect(),
      )
      return { store, queue, at: { connection, queueName: 'runs', prefix: name } }
    }
    const connection = { ...postgres.config, port, schema: `queue_${name}`, migrate: true }
    const pool = new Pool({ ...postgres.config, port })
    const store = postgresStore({ pool, schema: name })
    await store.migrate()
    const queue = new Queue('runs', { connection }, createPostgresBackend) as unknown as Queue
    queue.on('error', () => undefined)
    await queue.waitUntilReady()
    open.push(
      () => queue.close(),
      () => pool.end(),
    )
    return { store, queue, at: { connection, queueName: 'runs', backend: createPostgresBackend } }
  }
  return {
    site,
    port: server.port,
    crash: () => server.crash(),
    close: async () => {
      for (const end of open) await end().catch(() => undefined)
      await server.close()
    },
  }
}
