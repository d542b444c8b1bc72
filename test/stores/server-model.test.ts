import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { expect, it } from 'vitest'
import { postgresStore, redisStore } from '../../src/stores/index.js'
import { isPostgresSkipped, startPostgres } from './servers/postgres-server.js'
import { isRedisSkipped, startRedis } from './servers/redis-server.js'
import { isLikeMemory } from './store-model.js'

it.skipIf(isPostgresSkipped)(
  'a store in PostgreSQL gives what memoryStore gives, whatever is done with it',
  async () => {
    // What survives a crash is tested elsewhere.
    const server = await startPostgres('fsync=off')
    const pool = new Pool(server.config)
    let count = 0
    try {
      const open = async () => {
        count += 1
        const store = postgresStore({ pool, schema: `model_${count}` })
        await store.migrate()
        return { store, close: async () => undefined }
      }
      await isLikeMemory(open, { numRuns: 30 })
      expect(count).toBeGreaterThan(1)
    } finally {
      await pool.end()
      await server.close()
    }
  },
  120_000,
)

it.skipIf(isRedisSkipped)(
  'a store in Redis gives what memoryStore gives, whatever is done with it',
  async () => {
    const server = await startRedis({ appendfsync: 'no' })
    const client = new Redis(server.port, '127.0.0.1')
    let count = 0
    try {
      const open = async () => {
        count += 1
        const store = redisStore({ client, prefix: `model-${count}` })
        await store.migrate()
        return { store, close: async () => undefined }
      }
      await isLikeMemory(open, { numRuns: 60 })
      expect(count).toBeGreaterThan(1)
    } finally {
      client.disconnect()
      await server.close()
    }
  },
  120_000,
)
