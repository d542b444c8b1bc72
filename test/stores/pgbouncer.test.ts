import { createPostgresBackend } from 'bullmq'
import { Client, Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import { ConfigurationError, SoraPipeline, type StoredRun } from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { postgresStore } from '../../src/stores/index.js'
import { fakeTaskGenerator, runStoreConformance } from '../../src/testing/index.js'
import { eventually } from '../support/eventually.js'
import { isPgbouncerSkipped, type Pgbouncer, startPgbouncer } from './servers/pgbouncer.js'
import { isPostgresSkipped, type PostgresServer, startPostgres } from './servers/postgres-server.js'

const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }
// Fewer than the clients: two statements of one client come to different connections.
const CONNECTIONS = 3

const isSkipped = isPgbouncerSkipped || isPostgresSkipped
const title = `a store behind PgBouncer in transaction mode${isSkipped ? ' (skipped: install pgbouncer and postgresql)' : ''}`

describe.skipIf(isSkipped)(title, () => {
  let server: PostgresServer
  let bouncer: Pgbouncer
  let pool: Pool
  let count = 0

  beforeAll(async () => {
    server = await startPostgres()
    bouncer = await startPgbouncer(server, { connections: CONNECTIONS })
    pool = new Pool(bouncer.config)
  })
  afterAll(async () => {
    await pool?.end()
    await bouncer?.close()
    await server?.close()
  })

  const newSchema = () => {
    count += 1
    return `bouncer_${count}`
  }
  const newPool = (max = 10) => {
    const other = new Pool({ ...bouncer.config, max })
    onTestFinished(() => other.end())
    return other
  }
  // To PostgreSQL itself.
  const listenClient = () => new Client(server.config)

  runStoreConformance({
    test,
    create: async () => {
      const schema = newSchema()
      const store = postgresStore({ pool, schema, listenClient })
      await store.migrate()
      const other = new Pool(bouncer.config)
      const reopen = async () => postgresStore({ pool: other, schema, listenClient })
      return { store, reopen, dispose: () => other.end() }
    },
  })

  it('is in front of every statement, on connections that clients share', async () => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => newPool(1)))
    const pids = await Promise.all(
      clients.map(async (client) => (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid as number),
    )
    expect(new Set(pids).size).toBeLessThanOrEqual(CONNECTIONS)
  })

  it('is migrated once when eight processes start at once', async () => {
    const schema = newSchema()
    const stores = Array.from({ length: 8 }, () => postgresStore({ pool: newPool(1), schema }))
    await Promise.all(stores.map((store) => store.migrate()))
    expect(await stores[0]?.create('run_1', RUNNING)).toBe(true)
    expect(await stores[7]?.create('run_1', RUNNING)).toBe(false)
    expect(await stores[7]?.checkServer()).toEqual([])
  })

  it.each([
    ['with a client that listens directly', true],
    ['without one, by a query a second', false],
  ])('announces the events of another process, %s', async (_, isListening) => {
    const schema = newSchema()
    const [reader, writer] = [newPool(), newPool()].map((each) =>
      postgresStore({ pool: each, schema, ...(isListening && { listenClient }) }),
    ) as [ReturnType<typeof postgresStore>, ReturnType<typeof postgresStore>]
    await reader.migrate()
    await writer.create('run_1', RUNNING)
    const heard = new Set<string | undefined>()
    const subscription = await reader.followEvents((id) => heard.add(id))
    await writer.appendEvents('run_1', [{ sequence: 0 }, { sequence: 1 }])
    await eventually(() => expect(isListening ? heard.has('run_1') : heard.size > 0).toBe(true))
    expect(await reader.readEvents('run_1', -1, 10)).toHaveLength(2)
    await subscription.close()
  })

  it('lets one of fifty concurrent saves of a version win', async () => {
    const schema = newSchema()
    const stores = [newPool(), newPool()].map((each) => postgresStore({ pool: each, schema }))
    await stores[0]?.migrate()
    await stores[0]?.create('run_1', RUNNING)
    const saves = Array.from({ length: 50 }, (_, index) => stores[index % 2]?.save('run_1', 1, RUNNING))
    const outcomes = await Promise.allSettled(saves)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const reasons = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.name] : []))
    expect(new Set(reasons)).toEqual(new Set(['FencedError']))
  })

  it('keeps the runs of a queue that is in PostgreSQL itself', async () => {
    const { pipelineOf, generator, at, schema } = await queueAt(server.config)
    await using runner = createQueueRunner(pipelineOf(), at)
    await runner.ready
    await using worker = createWorker(pipelineOf(), at)
    await worker.ready
    const ids = Array.from({ length: 10 }, (_, index) => `${schema}-${index}`)
    const results = await Promise.all(ids.map((id) => runner.run({ prompt: 'A cat' }, { id }).result))
    expect(results.map(({ runId }) => runId)).toEqual(ids)
    expect(generator.startCount).toBe(10)
  })

  it('does not take the queue: runner and worker name the fix', async () => {
    const { pipelineOf, at } = await queueAt(bouncer.config)
    await using runner = createQueueRunner(pipelineOf(), at)
    const worker = createWorker(pipelineOf(), at)
    for (const { ready } of [runner, worker]) {
      await expect(ready).rejects.toThrow(ConfigurationError)
      await expect(ready).rejects.toThrow('give an address of PostgreSQL itself, not of PgBouncer')
    }
  })

  async function queueAt(config: PostgresServer['config']) {
    const schema = newSchema()
    const store = postgresStore({ pool: newPool(), schema, listenClient })
    await store.migrate()
    const generator = fakeTaskGenerator({ polls: 2 })
    const pipelineOf = () => new SoraPipeline({ generator, store, pollSchedule: () => 100 })
    const connection = { ...config, schema: `queue_${schema}`, migrate: true }
    const at = { connection, backend: createPostgresBackend, onError: () => undefined }
    return { schema, generator, pipelineOf, at }
  }
})
