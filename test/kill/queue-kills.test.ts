import { describe, expect, it } from 'vitest'
import { isPostgresSkipped } from '../stores/servers/postgres-server.js'
import { isRedisSkipped } from '../stores/servers/redis-server.js'
import { besiege } from './queue-life.js'
import { seededRandom } from './seeded-random.js'

// The small version of queue-kills.full.ts.

describe.each([
  ['ioredis', isRedisSkipped],
  ['pg', isPostgresSkipped],
] as const)('a queue and a store over %s', (kind, isSkipped) => {
  it.skipIf(isSkipped)(
    'pays once and loses nothing when workers and HTTP processes are killed, and the server is restarted',
    async () => {
      const { creates, lost, crashes } = await besiege({
        kind,
        mode: 'key',
        runs: 8,
        kills: 8,
        crashes: 1,
        pauseMs: 600,
        times: { pollMs: 200, leaseMs: 1500, lockMs: 1500, sweepMs: 500 },
        random: seededRandom(7),
      })
      expect({ creates, lost, crashes }).toEqual({ creates: 8, lost: [], crashes: 1 })
    },
    180_000,
  )
})
