import { createPostgresBackend, RedisConnection, setDefaultBackendFactory } from 'bullmq'
import { Cluster, Redis } from 'ioredis'
import { Client, Pool } from 'pg'
import { createClient, createClientPool, createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ConfigurationError, memoryStore, SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker, type QueueOptions } from '../../src/jobs/index.js'
import { connectionProblem } from '../../src/jobs/queue-connection.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { isRedisSkipped, type RedisServer, startRedis } from '../stores/servers/redis-server.js'

const backend = createPostgresBackend
const pipelineOf = () => new SoraPipeline({ generator: fakeTaskGenerator(), store: memoryStore() })
const cluster = new Cluster([{ host: '127.0.0.1', port: 1 }], { lazyConnect: true })
const client = new Redis({ lazyConnect: true })
const SECRET = 'Pa55word'

describe('a connection that would silently be one to this machine', () => {
  it.each<[string, unknown, string]>([
    ['an empty object', {}, 'connection is an object without the place of a server'],
    ['a mistyped host', { hots: 'redis.internal', port: 6379 }, 'connection.hots is unknown, did you mean host?'],
    ['a mistyped port', { host: 'redis.internal', prot: 6380 }, 'connection.prot is unknown, did you mean port?'],
    ['a URL that the environment lacks', { url: undefined }, 'connection.url is nothing'],
    ['an empty host', { host: '', port: 6379 }, 'connection.host is nothing'],
    ['the name of another driver', { hostname: 'redis.internal' }, 'did you mean host?'],
    ['a connection string', `redis://:${SECRET}@redis.internal`, "give { url: 'redis://…' }"],
    ['a connection string of PostgreSQL', `postgres://app:${SECRET}@db/app`, 'add backend: createPostgresBackend'],
    ['options of PostgreSQL', { connectionString: `postgres://app:${SECRET}@db/app` }, 'createPostgresBackend'],
    ['a user of PostgreSQL', { host: 'db', user: 'app', password: SECRET }, 'give username instead, or add backend'],
    ['a pool of pg', new Pool({ password: SECRET }), 'connection is a client of pg (add backend'],
    ['a URL of the web', { url: `https://:${SECRET}@redis.internal` }, 'connection.url is not a URL of Redis'],
    ['a URL that is none', { url: `redis://:${SECRET}#1/@redis.internal` }, 'connection.url is not a URL of Redis'],
    ['a URL without a host', { url: 'redis://' }, 'connection.url is not a URL of Redis'],
    ['a URL object', { url: new URL(`redis://:${SECRET}@redis.internal`) }, 'connection.url is not a URL of Redis'],
    ['a bare URL object', new URL(`redis://:${SECRET}@redis.internal`), 'without the place of a server'],
    ['a URL as the host', { host: `redis://:${SECRET}@redis.internal` }, 'connection.host is not the name of a host'],
    ['a port that is no number', { host: 'redis.internal', port: Number.NaN }, 'connection.port is not a port'],
    ['a list', [{ host: 'redis.internal' }], 'without the place of a server'],
    ['nodes of a cluster', { nodes: [{ host: 'redis.internal' }] }, 'without the place of a server'],
    ['a pool of node-redis', createClientPool(), 'connection is a client that BullMQ cannot use'],
    ['a cluster of node-redis', createCluster({ rootNodes: [] }), 'connection is a client that BullMQ cannot use'],
  ])('is refused: %s', (_, connection, message) => {
    for (const create of [createQueueRunner, createWorker]) {
      const call = () => create(pipelineOf(), { connection } as QueueOptions)
      expect(call).toThrow(ConfigurationError)
      expect(call).toThrow(message)
      expect(call).not.toThrow(SECRET)
    }
  })

  it.each<[string, unknown, string]>([
    ['an empty object', {}, 'connection is an object without the place of a server'],
    ['a connection string that the environment lacks', { connectionString: undefined }, 'connectionString is nothing'],
    ['a mistyped option', { hots: 'db.internal', schema: 'queue' }, 'connection.hots is unknown, did you mean host?'],
    ['a URL', { url: `postgres://app:${SECRET}@db/app` }, 'give connectionString instead'],
    ['options of Redis', { host: 'redis.internal', db: 1 }, 'give database instead, or leave out backend for Redis'],
    ['a client of ioredis', client, 'connection is a client of Redis (leave out backend'],
    ['a cluster of ioredis', cluster, 'connection is a client of Redis (leave out backend'],
    ['a client of node-redis', createClient(), 'connection is a client of Redis (leave out backend'],
    ['a single client of pg', new Client(), 'connection is a single client of pg (give a Pool of pg)'],
    ['a URL of Redis', `redis://:${SECRET}@redis.internal:6379`, 'not a connection string of PostgreSQL'],
    ['a URL of the web', { connectionString: `https://db.internal/${SECRET}` }, 'connection.connectionString is not a'],
  ])('is refused for a queue on PostgreSQL: %s', (_, connection, message) => {
    for (const create of [createQueueRunner, createWorker]) {
      const call = () => create(pipelineOf(), { connection, backend } as QueueOptions)
      expect(call).toThrow(ConfigurationError)
      expect(call).toThrow(message)
      expect(call).not.toThrow(SECRET)
    }
  })
})

describe('a connection that BullMQ takes', () => {
  it.each<[string, object]>([
    ['a host', { connection: { host: 'redis.internal' } }],
    ['a port of this machine', { connection: { port: 6380 } }],
    ['a port as text', { connection: { host: 'redis.internal', port: '6380' } }],
    ['an option of the default server', { connection: { maxRetriesPerRequest: null } }],
    ['a URL', { connection: { url: 'rediss://app:a%23b@redis.internal:6380/2', tls: {} } }],
    ['a host with a port as URL', { connection: { url: 'redis.internal:6380' } }],
    ['a socket', { connection: { path: '/run/redis.sock' } }],
    ['a URL of a socket', { connection: { url: '/run/redis.sock?db=2' } }],
    ['an IPv6 URL', { connection: { url: 'redis://[::1]:6379' } }],
    ['sentinels', { connection: { sentinels: [{ host: 's', port: 26379 }], name: 'mymaster', sentinelPassword: 'p' } }],
    ['options with empty ones', { connection: { url: undefined, host: 'redis.internal', password: undefined } }],
    ['an option of an application', { connection: { host: 'redis.internal', label: 'queue' } }],
    ['a client', { connection: client }],
    ['a cluster', { connection: cluster }],
    ['a client of node-redis', { connection: createClient() }],
    ['a connection string', { backend, connection: 'postgres://app:p@db.internal:5432/app?sslmode=require' }],
    ['options of pg', { backend, connection: { host: 'db', user: 'app', database: 'app', max: 4, schema: 'queue' } }],
    ['a socket of PostgreSQL', { backend, connection: { host: '/var/run/postgresql' } }],
    [
      'a connection string with a schema',
      { backend, connection: { connectionString: 'postgres://db', migrate: true } },
    ],
    ['a schema, with the place in the environment of pg', { backend, connection: { schema: 'queue', migrate: true } }],
    ['a pool', { backend, connection: new Pool() }],
    ['what a backend of an application takes', { backend: () => undefined, connection: { hots: 'a' } }],
  ])('is taken: %s', (_, options) => {
    expect(connectionProblem(options as QueueOptions)).toBeUndefined()
  })

  it('is what the default backend and the factory of clients of BullMQ take', () => {
    onTestFinished(() => {
      setDefaultBackendFactory()
      RedisConnection.clientFactory = undefined as never
    })
    expect(connectionProblem({ connection: { hots: 'a' } })).toMatchObject({ field: 'connection.hots' })
    RedisConnection.clientFactory = (() => client) as never
    expect(connectionProblem({ connection: { hots: 'a' } })).toBeUndefined()
    setDefaultBackendFactory(createPostgresBackend as never)
    expect(connectionProblem({ connection: 'postgres://db.internal' } as QueueOptions)).toBeUndefined()
  })
})

describe.skipIf(isRedisSkipped)('a client of its own', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.close())

  it('may be of node-redis, for a runner and a worker', async () => {
    const own = createClient({ url: `redis://127.0.0.1:${redis.port}` })
    own.on('error', () => undefined)
    const store = memoryStore()
    const pipeline = () => new SoraPipeline({ generator: fakeTaskGenerator(), store, pollSchedule: () => 20 })
    const at = { connection: own, queueName: 'node' } as unknown as QueueOptions
    const runner = createQueueRunner(pipeline(), at)
    const worker = createWorker(pipeline(), at)
    await Promise.all([runner.ready, worker.ready])
    expect(await runner.run({ prompt: 'A cat' }, { id: 'a' }).result).toMatchObject({ runId: 'a' })
    await Promise.all([runner.close(), worker.close()])
    expect(own.isReady).toBe(true)
    await own.close()
  })

  it('may retry a command a few times for a runner, which reports its failures and saves runs', async () => {
    const own = new Redis({ host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: 1, retryStrategy: () => 20 })
    const errors: unknown[] = []
    const runner = createQueueRunner(pipelineOf(), { connection: own, onError: (error) => errors.push(error) })
    onTestFinished(async () => {
      await runner.close()
      own.disconnect()
    })
    await runner.ready
    own.disconnect()
    await runner.run({ prompt: 'A cat' }, { id: 'b' }).saved
    await expect(runner.wake('b')).rejects.toMatchObject({ code: 'run-state', isRetryable: true })
    expect(String(errors)).toContain('Could not add the runs to the queue')
  })
})
