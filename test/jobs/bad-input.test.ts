import { createPostgresBackend } from 'bullmq'
import { Redis } from 'ioredis'
import { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ConfigurationError, memoryStore, SoraPipeline } from '../../src/index.js'
import {
  createQueueRunner,
  createWorker,
  type QueueOptions,
  type StandaloneRunnerOptions,
} from '../../src/jobs/index.js'
import { postgresStore } from '../../src/stores/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { isPostgresSkipped, startPostgres } from '../stores/servers/postgres-server.js'
import { isRedisSkipped, startRedis } from '../stores/servers/redis-server.js'
import { eventually } from '../support/eventually.js'
import { freePort } from '../support/free-port.js'
import { type QueueServer, SERVERS, startQueueServer } from './queue-server.js'

const pipelineOf = (store = memoryStore(), name = 'fake', pollMs = 20) =>
  new SoraPipeline({ generator: fakeTaskGenerator({ name }), store, pollSchedule: () => pollMs })

// Its runs are in the memory of this pipeline, which no other one reads.
const storeless = () => new SoraPipeline({ generator: fakeTaskGenerator() })

describe('options of a runner and of a worker', () => {
  const connection = { host: '127.0.0.1', port: 1 }

  it.each([
    ['a pipeline that is none', () => createWorker({} as SoraPipeline, { connection }), 'give a SoraPipeline'],
    ['a queue name with a colon', () => createWorker(pipelineOf(), { connection, queueName: 'a:b' }), 'queueName'],
    ['no connection', () => createQueueRunner(pipelineOf(), {} as QueueOptions), 'connection'],
    ['a lock of a moment', () => createWorker(pipelineOf(), { connection, lockMs: 5 }), 'lockMs'],
    ['a pipeline without a store', () => createWorker(storeless(), { connection }), 'store is missing'],
    ['a pipeline without a store', () => createQueueRunner(storeless(), { connection }), 'store is missing'],
  ])('%s is refused', (_, create, message) => {
    expect(create).toThrow(ConfigurationError)
    expect(create).toThrow(message)
  })

  it.each([
    ['no store', { connection, generator: fakeTaskGenerator() }, 'store'],
    ['no generator', { connection, store: memoryStore() }, 'generator'],
    ['no connection', { store: memoryStore(), generator: fakeTaskGenerator() }, 'connection'],
    ['a wrong name', { connection, store: memoryStore(), generator: fakeTaskGenerator(), qeueName: 'a' }, 'queueName?'],
  ])('%s is refused to a runner with a pipeline of its own', (_, options, message) => {
    const create = () => createQueueRunner(options as StandaloneRunnerOptions)
    expect(create).toThrow(ConfigurationError)
    expect(create).toThrow(message)
    expect(create).toThrow('createQueueRunner')
  })

  it('never shows a connection string that is in the wrong place', () => {
    const secret = 'postgres://admin:Pa55word@db.example/runs'
    const create = () => createWorker(secret as unknown as SoraPipeline, { connection })
    expect(create).toThrow(ConfigurationError)
    expect(create).not.toThrow('Pa55word')
    const createRunner = () => createQueueRunner(secret as unknown as StandaloneRunnerOptions)
    expect(createRunner).toThrow(ConfigurationError)
    expect(createRunner).not.toThrow('Pa55word')
  })
})

describe('a store in memory', () => {
  const connection = { host: '127.0.0.1', port: 1, retryStrategy: () => null }

  it('is reported once to a runner without a worker in its process, and not to one with a worker', async () => {
    const store = memoryStore()
    const errors: unknown[] = []
    const onError = (error: unknown) => {
      if (error instanceof ConfigurationError) errors.push(error.message)
    }
    await using runner = createQueueRunner(pipelineOf(store), { connection, onError })
    const worker = createWorker(pipelineOf(store), { connection, onError })
    await runner.run({ prompt: 'A cat' }, { id: 'first' }).saved
    expect(errors).toEqual([])
    await worker.close()
    for (const id of ['second', 'third']) await runner.run({ prompt: 'A cat' }, { id }).saved
    const fix = 'give postgresStore or redisStore, or create a worker over the same store in this process'
    expect(errors).toEqual([
      `Could not configure createQueueRunner: store is in the memory of this process, where no worker is (${fix})`,
    ])
  })
})

it('a worker that gets wrong options of a close stays open', async () => {
  const connection = { host: '127.0.0.1', port: 1, retryStrategy: () => null }
  const worker = createWorker(pipelineOf(), { connection, onError: () => undefined })
  for (const options of [{ graceMs: 'soon' }, { drainMs: -1 }, { grace: 1 }, null, 5] as never[]) {
    await expect(worker.close(options)).rejects.toMatchObject({ code: 'request-invalid' })
  }
  await worker.close({ graceMs: 0 })
  await worker.close()
  await expect(worker.ready).rejects.toThrow('the worker is closed')
})

describe('options that change after the call', () => {
  it('have no effect', async () => {
    const port = await freePort()
    const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: 0, retryStrategy: () => null }
    const errors: unknown[] = []
    const options = { connection, onError: (error: unknown) => errors.push(error) }
    await using runner = createQueueRunner(pipelineOf(), options)
    connection.port = 1
    options.onError = () => 0
    await expect(runner.ready).rejects.toThrow(String(port))
    await expect(runner.run({ prompt: 'A cat' }, { id: 'a' }).saved).resolves.toBeUndefined()
    await eventually(() => expect(errors.length).toBeGreaterThan(1))
    expect(String(errors.at(-1))).not.toContain(':1 ')
    await expect(runner.wake('a')).rejects.toThrow(String(port))
  })
})

describe.skipIf(isRedisSkipped)('a Redis with a password', () => {
  it.each([
    ['a wrong one', 'wrong'],
    ['none', undefined],
  ])('refuses a worker and a runner with %s', async (_, password) => {
    const redis = await startRedis({ requirepass: 'right' })
    onTestFinished(() => redis.close())
    const at = { connection: { host: '127.0.0.1', port: redis.port, password }, onError: () => undefined }
    const worker = createWorker(pipelineOf(), at)
    const runner = createQueueRunner(pipelineOf(), at)
    onTestFinished(async () => void (await Promise.all([worker.close(), runner.close()])))
    await expect(worker.ready).rejects.toBeInstanceOf(ConfigurationError)
    await expect(runner.ready).rejects.toBeInstanceOf(ConfigurationError)
  })
})

describe.each(SERVERS)('a queue on %s', (kind, isSkipped) => {
  let server: QueueServer

  beforeAll(async () => {
    if (!isSkipped) server = await startQueueServer(kind)
  })
  afterAll(() => server?.close())

  it.skipIf(isSkipped)('reports a job of another application, and lets it go', async () => {
    const { store, at, queue } = await server.site('others')
    const errors: unknown[] = []
    const worker = createWorker(pipelineOf(store), { ...at, onError: (error) => errors.push(error) })
    onTestFinished(() => worker.close())
    await worker.ready
    await queue.add('mail', { to: 'ada' })
    await eventually(() => expect(String(errors)).toContain('it is of another application'))
    await eventually(async () => expect(await queue.getJobCountByTypes('wait', 'active', 'delayed')).toBe(0))
    expect(errors).toHaveLength(1)
  })

  it.skipIf(isSkipped)(
    'leaves a run whose generator no worker has, reports it, and a worker that has it completes it',
    async () => {
      const { store, at, queue } = await server.site('foreign')
      const isWaiting = async () => expect(await queue.getDelayedCount()).toBe(1)
      const errors: unknown[] = []
      await using runner = createQueueRunner(pipelineOf(store, 'first'), at)
      const first = createWorker(pipelineOf(store, 'first', 60_000), at)
      const { result } = runner.run({ prompt: 'A cat' }, { id: 'foreign' })
      await eventually(isWaiting)
      await first.close()
      const other = createWorker(pipelineOf(store, 'second'), { ...at, onError: (error) => errors.push(error) })
      await runner.wake('foreign')
      await eventually(() => expect(String(errors)).toContain('no generator of the chain fits its job: foreign'))
      await eventually(isWaiting)
      await other.close()
      expect(await runner.get('foreign')).toMatchObject({ status: 'running' })
      await runner.wake('foreign')
      await using last = createWorker(pipelineOf(store, 'first'), at)
      await last.ready
      expect(await result).toMatchObject({ runId: 'foreign' })
    },
  )

  it.skipIf(isSkipped)(
    'reports a run of another store under one name, and the workers of its store complete it',
    async () => {
      const [one, other] = [await server.site('one'), await server.site('other')]
      const errors: unknown[] = []
      await using wrong = createWorker(pipelineOf(other.store), { ...one.at, onError: (error) => errors.push(error) })
      await using runner = createQueueRunner(pipelineOf(one.store), one.at)
      await wrong.ready
      const { result } = runner.run({ prompt: 'A cat' }, { id: 'lost' })
      await eventually(() =>
        expect(String(errors)).toContain('the store does not know it: lost; give stores that differ'),
      )
      await using right = createWorker(pipelineOf(one.store), { ...one.at, sweepMs: 100 })
      await right.ready
      expect(await result).toMatchObject({ runId: 'lost' })
    },
  )
})

it.skipIf(isPostgresSkipped)(
  'a store that was not migrated, or a queue that was not, is an error of the start',
  async () => {
    const server = await startPostgres()
    const pool = new Pool(server.config)
    onTestFinished(async () => {
      await pool.end()
      await server.close()
    })
    const at = {
      connection: { ...server.config, schema: 'queue' },
      backend: createPostgresBackend,
      onError: () => undefined,
    }
    const store = postgresStore({ pool })
    const fix = 'call migrate() of the store first, or run npx sora-pipeline migrate'
    await using early = createQueueRunner(pipelineOf(store), at)
    for (const { ready } of [createWorker(pipelineOf(store), at), early]) {
      await expect(ready).rejects.toMatchObject({ code: 'run-state', isRetryable: false })
      await expect(ready).rejects.toThrow(fix)
    }
    await store.migrate()
    const worker = createWorker(pipelineOf(store), at)
    await expect(worker.ready).rejects.toThrow(ConfigurationError)
    await expect(worker.ready).rejects.toThrow('set migrate: true in it, or call runMigrations() of bullmq')
    await using runner = createQueueRunner(pipelineOf(store), at)
    await expect(runner.ready).rejects.toThrow(ConfigurationError)
    const wrong = { ...at, connection: { ...at.connection, password: 'wrong-Pa55word' } }
    const refused = createWorker(pipelineOf(store), wrong)
    await expect(refused.ready).rejects.toThrow(ConfigurationError)
    await expect(refused.ready).rejects.not.toThrow('Pa55word')
  },
)

it.each([
  ['Redis', { retryStrategy: () => null }, {}],
  ['PostgreSQL', {}, { backend: createPostgresBackend }],
])('a runner whose %s is away rejects as retryable', async (_, options, more) => {
  const connection = { host: '127.0.0.1', port: await freePort(), ...options }
  await using runner = createQueueRunner(pipelineOf(), { connection, ...more, onError: () => undefined })
  await expect(runner.ready).rejects.toMatchObject({ code: 'run-state', isRetryable: true })
})

it.skipIf(isRedisSkipped)('a client with the wrong options is an error of the start', async () => {
  const server = await startQueueServer('Redis')
  const { store } = await server.site('client')
  const client = new Redis({ host: '127.0.0.1', port: server.port, maxRetriesPerRequest: 3 })
  onTestFinished(async () => {
    client.disconnect()
    await server.close()
  })
  const worker = createWorker(pipelineOf(store), { connection: client, onError: () => undefined })
  await expect(worker.ready).rejects.toThrow(ConfigurationError)
  await expect(worker.ready).rejects.toThrow('maxRetriesPerRequest')
})

it.skipIf(isRedisSkipped)('a worker waits for a server that is away, with pauses, and closes meanwhile', async () => {
  const errors: unknown[] = []
  const connection = { host: '127.0.0.1', port: await freePort() }
  const worker = createWorker(pipelineOf(), { connection, onError: (error) => errors.push(error) })
  await eventually(() => expect(String(errors)).toContain('ECONNREFUSED'))
  const [before, from] = [errors.length, performance.now()]
  await eventually(() => expect(errors.length).toBeGreaterThanOrEqual(before + 3))
  // Without pauses, three more errors take some milliseconds.
  expect(performance.now() - from).toBeGreaterThan(500)
  await worker.close()
  await expect(worker.ready).rejects.toThrow('the worker is closed')
})
