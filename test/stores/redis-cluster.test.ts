import { execFileSync } from 'node:child_process'
import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { type RedisClient, type RedisStore, redisStore } from '../../src/stores/index.js'
import { KEY_NAMES, keyOf } from '../../src/stores/redis/redis-keys.js'
import { runStoreConformance } from '../../src/testing/index.js'
import { eventually } from '../support/eventually.js'
import { freePort } from '../support/free-port.js'
import { isRedisSkipped, type RedisServer, startRedis } from './servers/redis-server.js'

const REDIS_CLI = 'redis-cli'

interface OpenCluster {
  readonly client: RedisClient
  close(): void
}

const CLIENTS: readonly (readonly [name: string, open: (ports: readonly number[]) => Promise<OpenCluster>])[] = [
  [
    'ioredis',
    async (ports) => {
      const client = new Cluster(ports.map((port) => ({ host: '127.0.0.1', port })))
      return { client, close: () => client.disconnect() }
    },
  ],
  [
    'redis',
    async (ports) => {
      const client = createCluster({ rootNodes: ports.map((port) => ({ socket: { host: '127.0.0.1', port } })) })
      await client.connect()
      return { client, close: () => client.destroy() }
    },
  ],
]

const title = `a store in a cluster of Redis${isRedisSkipped ? ' (skipped: install redis-server)' : ''}`

describe.skipIf(isRedisSkipped)(title, () => {
  const servers: RedisServer[] = []

  beforeAll(async () => {
    for (let index = 0; index < 3; index += 1) {
      const busPort = String(await freePort())
      servers.push(await startRedis({ 'cluster-enabled': 'yes', 'cluster-port': busPort, appendfsync: 'no' }))
    }
    const nodes = servers.map(({ port }) => `127.0.0.1:${port}`)
    execFileSync(REDIS_CLI, ['--cluster', 'create', ...nodes, '--cluster-replicas', '0', '--cluster-yes'])
    await eventually(() => {
      for (const server of servers) expect(cli(server, 'CLUSTER', 'INFO')).toContain('cluster_state:ok')
    })
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.close()))
  })

  it('has all its keys in one slot', () => {
    const [server] = servers as [RedisServer]
    for (const prefix of ['sora-pipeline', 'a', 'my:app.1']) {
      const slots = KEY_NAMES.map((name) => cli(server, 'CLUSTER', 'KEYSLOT', keyOf(prefix, name)))
      expect(new Set(slots).size).toBe(1)
    }
  })

  describe.each(CLIENTS)('with %s', (kind, open) => {
    let opened: OpenCluster
    let count = 0

    beforeAll(async () => {
      opened = await open(servers.map(({ port }) => port))
    })
    afterAll(() => opened?.close())

    async function newStore(): Promise<{ readonly store: RedisStore; readonly prefix: string }> {
      count += 1
      const prefix = `${kind}-${count}`
      const store = redisStore({ client: opened.client, prefix })
      await store.migrate()
      return { store, prefix }
    }

    runStoreConformance({ test, create: newStore })

    it('has each store on one server, and stores on all of them', async () => {
      for (let index = 0; index < 12; index += 1)
        await (await newStore()).store.create('run_1', { status: 'running', wakeAt: 0 })
      for (const server of servers) expect(Number(cli(server, 'DBSIZE'))).toBeGreaterThan(0)
    })

    it('is checked on every server', async () => {
      const [first, last] = [servers.at(0), servers.at(-1)] as [RedisServer, RedisServer]
      for (const server of servers) cli(server, 'CONFIG', 'SET', 'appendfsync', 'always')
      const { store } = await newStore()
      expect(await store.checkServer()).toEqual([])
      cli(first, 'CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
      cli(last, 'CONFIG', 'SET', 'appendfsync', 'everysec')
      const problems = await store.checkServer()
      expect(problems.map(({ setting, value }) => `${setting} ${value}`).sort()).toEqual([
        'appendfsync everysec',
        'maxmemory-policy allkeys-lru',
      ])
      cli(first, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
      cli(last, 'CONFIG', 'SET', 'appendfsync', 'no')
    })
  })
})

function cli({ port }: RedisServer, ...command: readonly string[]): string {
  return execFileSync(REDIS_CLI, ['-p', String(port), ...command], { encoding: 'utf8' }).trim()
}
