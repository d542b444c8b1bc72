import { inspect } from 'node:util'
import { Client, Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import { RunStateError, SoraPipeline, type StoredRun } from '../../src/index.js'
import { type PostgresPool, type PostgresStore, postgresStore } from '../../src/stores/index.js'
import { checkSchema, migrateSchema } from '../../src/stores/postgres/postgres-migration.js'
import { dueStatement, listStatement } from '../../src/stores/postgres/postgres-pages.js'
import { SCHEMA_VERSION, UPGRADES } from '../../src/stores/postgres/postgres-schema.js'
import { fakeTaskGenerator, runStoreConformance } from '../../src/testing/index.js'
import { eventually } from '../support/eventually.js'
import { digestOf } from './digest-of.js'
import { isPostgresSkipped, PASSWORD, type PostgresServer, startPostgres } from './servers/postgres-server.js'
import { startProxy } from './servers/tcp-proxy.js'

const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }
const HOUR = 3_600_000

const title = `a store in PostgreSQL${isPostgresSkipped ? ' (skipped: install postgresql)' : ''}`

describe.skipIf(isPostgresSkipped)(title, () => {
  let server: PostgresServer
  let pool: Pool
  let count = 0

  beforeAll(async () => {
    server = await startPostgres()
    pool = new Pool(server.config)
  })
  afterAll(async () => {
    await pool?.end()
    await server?.close()
  })

  const newSchema = () => {
    count += 1
    return `test_${count}`
  }

  /** A store with tables of its own. */
  async function newStore(
    using: PostgresPool = pool,
  ): Promise<{ readonly store: PostgresStore; readonly schema: string }> {
    const schema = newSchema()
    const store = postgresStore({ pool: using, schema })
    await store.migrate()
    return { store, schema }
  }

  function newPool(config: object = {}): Pool {
    const other = new Pool({ ...server.config, ...config })
    onTestFinished(() => other.end())
    return other
  }

  runStoreConformance({
    test,
    create: async () => {
      const { store, schema } = await newStore()
      const other = new Pool(server.config)
      return { store, reopen: async () => postgresStore({ pool: other, schema }), dispose: () => other.end() }
    },
  })

  describe('with a client that listens', () => {
    runStoreConformance({
      test,
      create: async () => {
        const schema = newSchema()
        const listenClient = () => new Client(server.config)
        const store = postgresStore({ pool, schema, listenClient })
        await store.migrate()
        const other = new Pool(server.config)
        const reopen = async () => postgresStore({ pool: other, schema, listenClient })
        return { store, reopen, dispose: () => other.end() }
      },
    })
  })

  describe('that was not migrated', () => {
    it('names the fix, sends nothing, and works once it was', async () => {
      const schema = newSchema()
      const store = postgresStore({ pool, schema })
      const generator = fakeTaskGenerator()
      const pipeline = new SoraPipeline({ generator, store })
      await expect(pipeline.generate({ prompt: 'A cat' })).rejects.toMatchObject({
        code: 'run-state',
        message: expect.stringContaining(
          `in the Postgres schema: ${schema}; call migrate() of the store first, or run npx sora-pipeline migrate`,
        ),
      })
      expect(generator.startCount).toBe(0)
      await expect(store.load('run_1')).rejects.toMatchObject({ code: 'run-state', isRetryable: false })
      await store.migrate()
      expect(await store.create('run_1', RUNNING)).toBe(true)
    })

    it('because its tables were dropped names the fix as well', async () => {
      const { store, schema } = await newStore()
      await store.create('run_1', RUNNING)
      await pool.query(`DROP SCHEMA ${schema} CASCADE`)
      await expect(store.save('run_1', 1, RUNNING)).rejects.toThrow('call migrate() of the store first')
      await store.migrate()
      expect(await store.load('run_1')).toBeUndefined()
    })
  })

  describe('migrate()', () => {
    it('is safe when eight processes start at once, and keeps what is there', async () => {
      const schema = newSchema()
      const stores = Array.from({ length: 8 }, () => postgresStore({ pool: newPool({ max: 1 }), schema }))
      await Promise.all(stores.map((store) => store.migrate()))
      await stores[0]?.create('run_1', RUNNING)
      await Promise.all(stores.map((store) => store.migrate()))
      expect((await pool.query(`SELECT * FROM ${schema}.meta`)).rows).toEqual([
        { version: SCHEMA_VERSION, least_version: 1 },
      ])
      for (const store of stores) expect(await store.versions(['run_1'])).toEqual([1])
    })

    it('upgrades in place, once, while stores of the version before work on', async () => {
      const { store, schema } = await newStore()
      await store.create('run_1', RUNNING)
      const add = (name: string) => `ALTER TABLE ${name}.runs ADD COLUMN added integer`
      const later = { version: SCHEMA_VERSION + 1, least: 1, upgrades: [...UPGRADES, add] }
      await Promise.all(Array.from({ length: 4 }, () => migrateSchema(newPool({ max: 1 }), schema, later)))
      expect((await pool.query(`SELECT id, added FROM ${schema}.runs`)).rows).toEqual([{ id: 'run_1', added: null }])
      expect(await postgresStore({ pool, schema }).save('run_1', 1, RUNNING)).toBe(2)
      // The library before changes nothing back.
      await store.migrate()
      expect((await pool.query(`SELECT * FROM ${schema}.meta`)).rows).toEqual([
        { version: SCHEMA_VERSION + 1, least_version: 1 },
      ])
      await checkSchema(pool, schema, later)
      await expect(checkSchema(pool, schema, { ...later, version: SCHEMA_VERSION + 2 })).rejects.toThrow(
        'call migrate()',
      )
    })

    it('upgrades the tables of the first version, with their runs', async () => {
      const schema = newSchema()
      await migrateSchema(pool, schema, { version: 1, least: 1, upgrades: UPGRADES.slice(0, 1) })
      await pool.query(
        `INSERT INTO ${schema}.runs (id, version, status, wake_at, started_at, ended_at, is_caller_id, state)
         VALUES ('run_1', 1, 'running', 100, 0, 0, false, '{"status":"running","wakeAt":100}')`,
      )
      const store = postgresStore({ pool, schema })
      await expect(store.load('run_1')).rejects.toThrow('call migrate()')
      await Promise.all([store.migrate(), postgresStore({ pool: newPool({ max: 1 }), schema }).migrate()])
      expect((await store.load('run_1'))?.state).toEqual(RUNNING)
      expect(await store.appendEvents('run_1', [{ sequence: 0 }])).toBeUndefined()
      expect(await store.readEvents('run_1', -1, 10)).toEqual([{ sequence: 0 }])
    })

    it('leaves a schema alone that a later version changed beyond use', async () => {
      const { schema } = await newStore()
      await migrateSchema(pool, schema, {
        version: SCHEMA_VERSION + 1,
        least: SCHEMA_VERSION + 1,
        upgrades: [...UPGRADES, () => 'SELECT 1'],
      })
      const store = postgresStore({ pool, schema })
      await expect(store.create('run_1', RUNNING)).rejects.toMatchObject({
        code: 'run-state',
        isRetryable: false,
        message: `Could not use the store, a later version of the library changed the Postgres schema: ${schema}; upgrade sora-pipeline`,
      })
    })

    it('takes back an upgrade that fails half-way', async () => {
      const { store, schema } = await newStore()
      const broken = (name: string) => `ALTER TABLE ${name}.runs ADD COLUMN added integer; SELECT 1 / 0`
      const later = { version: SCHEMA_VERSION + 1, least: 1, upgrades: [...UPGRADES, broken] }
      await expect(migrateSchema(pool, schema, later)).rejects.toThrow('division by zero')
      expect((await pool.query(`SELECT * FROM ${schema}.meta`)).rows).toEqual([
        { version: SCHEMA_VERSION, least_version: 1 },
      ])
      await pool.query(`ALTER TABLE ${schema}.runs ADD COLUMN added integer`)
      expect(await store.create('run_1', RUNNING)).toBe(true)
    })

    it('needs no right to create schemas where the schema exists, and reports a right that it lacks', async () => {
      const schema = newSchema()
      await pool.query(`CREATE ROLE ${schema} LOGIN PASSWORD '${PASSWORD}'`)
      const own = postgresStore({ pool: newPool({ user: schema }), schema })
      await expect(own.migrate()).rejects.toMatchObject({
        code: 'run-state',
        isRetryable: true,
        message: `Could not migrate the store, permission denied for database postgres at the Postgres schema ${schema}: ${schema}`,
      })
      await pool.query(`CREATE SCHEMA ${schema} AUTHORIZATION ${schema}`)
      await own.migrate()
      expect(await own.create('run_1', RUNNING)).toBe(true)
    })
  })

  describe('a server', () => {
    it('that is too old is refused with the version that is needed', async () => {
      const proxy = await startProxy(server.port, { replace: ['1500', '1200'] })
      onTestFinished(proxy.close)
      const store = postgresStore({ pool: newPool({ port: proxy.port }), schema: newSchema() })
      for (const work of [() => store.migrate(), () => store.load('run_1')]) {
        await expect(work()).rejects.toMatchObject({
          code: 'run-state',
          isRetryable: false,
          message: expect.stringMatching(
            /^Could not use the store, the server_version of Postgres is: .*; use PostgreSQL 13 or later$/,
          ),
        })
      }
    })

    it('whose database is not UTF-8 is refused', async () => {
      await pool.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
      const store = postgresStore({ pool: newPool({ database: 'latin' }) })
      await expect(store.migrate()).rejects.toThrow(
        "the server_encoding of Postgres is: LATIN1; create the database with ENCODING 'UTF8'",
      )
    })

    it('with its defaults has no problem; settings that lose runs are reported', async () => {
      const { store, schema } = await newStore()
      expect(await store.checkServer()).toEqual([])
      const options = '-c synchronous_commit=off -c default_transaction_read_only=on'
      const careless = postgresStore({ pool: newPool({ options }), schema })
      await pool.query('ALTER SYSTEM SET fsync = off')
      await pool.query('ALTER SYSTEM SET full_page_writes = off')
      await pool.query('SELECT pg_reload_conf()')
      try {
        await eventually(async () => {
          const problems = await careless.checkServer()
          expect(problems.map(({ setting, value }) => `${setting} ${value}`)).toEqual([
            'fsync off',
            'full_page_writes off',
            'synchronous_commit off',
            'transaction_read_only on',
          ])
        })
      } finally {
        await pool.query('ALTER SYSTEM RESET ALL')
        await pool.query('SELECT pg_reload_conf()')
      }
    })
  })

  describe('what is given', () => {
    it('has to be a pool', () => {
      const wrong = [new Client(server.config), undefined, {}, () => pool, { query: () => undefined }, server.config]
      for (const value of wrong) {
        expect(() => postgresStore({ pool: value as unknown as PostgresPool })).toThrow(
          'give a Pool of pg, such as new Pool({ connectionString }), not a Client',
        )
      }
    })

    it.each(['', 'a b', 'Runs', 'a"b', "a'b", 'a;b', 'a.b', '1a', 'pg_runs', 'ü', 'a'.repeat(64), 'a\n', null, 7])(
      'has to name a schema that needs no quotes: %j',
      (schema) => {
        expect(() => postgresStore({ pool, schema: schema as string })).toThrow('schema is')
      },
    )

    it('is never a part of a statement: quotes, comments and parameters stay texts', async () => {
      const { store, schema } = await newStore()
      const awkward = `'); DROP TABLE ${schema}.runs; -- $1 \\ "\u0000\ud800`
      await store.create(awkward, { ...RUNNING, worker: awkward, owner: awkward, startedAt: 1 })
      await store.heartbeat(awkward, HOUR)
      await store.report(awkward, [{ id: awkward, progress: { text: awkward } }])
      await store.reschedule(awkward, 1, 200, [awkward])
      expect(await store.claim(awkward, awkward, awkward)).toBe(true)
      expect(await store.load(awkward)).toMatchObject({
        version: 1,
        state: { wakeAt: 200, owner: awkward, worker: awkward },
        readings: [awkward],
        progress: { text: awkward },
        beat: { isExpired: false },
      })
      expect(await store.due(200, 5)).toEqual([awkward])
      expect(await store.list({ order: 'newest-first', owner: awkward, after: awkward, limit: 5 })).toEqual([])
      expect(await store.list({ order: 'newest-first', owner: awkward, limit: 5 })).toEqual([awkward])
      expect(await store.versions([awkward])).toEqual([1])
      await store.retire(awkward)
      expect(await store.load(awkward)).not.toHaveProperty('beat')
    })
  })

  it('keeps claims of keys that no index could take', async () => {
    const { store } = await newStore()
    // Not to be compressed.
    const key = Array.from({ length: 400 }, (_, index) => digestOf(Buffer.from(String(index)))).join('')
    expect(await store.claim('jobs', key, 'run_1')).toBe(true)
    expect(await store.claim('jobs', key, 'run_2')).toBe(false)
  })

  it('fences all but one of 50 saves under any isolation that the pool has', async () => {
    const { store, schema } = await newStore()
    const strict = newPool({ options: '-c default_transaction_isolation=serializable', max: 20 })
    const other = postgresStore({ pool: strict, schema })
    await store.create('run_1', RUNNING)
    const saves = await Promise.allSettled(Array.from({ length: 50 }, () => other.save('run_1', 1, RUNNING)))
    const lost = saves.flatMap((save) => (save.status === 'rejected' ? [save.reason.code] : []))
    expect(lost).toEqual(Array.from({ length: 49 }, () => 'run-fenced'))
    expect(await store.versions(['run_1'])).toEqual([2])
  })

  it('works when each statement has another connection, as behind a pooler', async () => {
    const { store } = await newStore(newPool({ maxUses: 1 }))
    await store.create('run_1', { ...RUNNING, worker: 'w' })
    await store.heartbeat('w', HOUR)
    await store.save('run_1', 1, { status: 'completed', wakeAt: 0, endedAt: 1, isCallerId: true })
    expect(await store.prune({ endedBefore: 10, now: 10 })).toBe(1)
    expect((await store.load('run_1'))?.state).toMatchObject({ isRetained: true })
  })

  it('counts references of media that many runs put and drop at once, and keeps no bytes without one', async () => {
    const { store, schema } = await newStore()
    const media = ['a', 'b', 'c'].map((text) => Buffer.from(text))
    const kept = Array.from({ length: 15 }, (_, index) => `run_${index}`)
    await Promise.all(
      kept.flatMap((id, index) =>
        media.map(async (bytes) => {
          await store.putMedia(id, digestOf(bytes), bytes)
          if (index % 3 !== 0) await store.dropMedia(id)
        }),
      ),
    )
    const counts = await pool.query(`SELECT refs::int, (SELECT count(*)::int FROM ${schema}.media_refs
      WHERE media_refs.sha256 = media.sha256) AS there FROM ${schema}.media`)
    expect(counts.rows).toHaveLength(3)
    for (const { refs, there } of counts.rows) expect(refs).toBe(there)
    await Promise.all(kept.map((id) => store.dropMedia(id)))
    expect((await pool.query(`SELECT * FROM ${schema}.media`)).rows).toEqual([])
  })

  it('keeps progress and beats after a save that the worker lost', async () => {
    const { store } = await newStore()
    await store.create('run_1', { ...RUNNING, worker: 'one' })
    await store.report('one', [
      { id: 'run_1', progress: { ratio: 0.1 } },
      { id: 'run_1', progress: { ratio: 0.2 } },
    ])
    expect((await store.load('run_1'))?.progress).toEqual({ ratio: 0.2 })
    await store.save('run_1', 1, { ...RUNNING, status: 'failed', worker: 'one' })
    await store.save('run_1', 2, { ...RUNNING, worker: 'one' })
    expect(await store.load('run_1')).not.toHaveProperty('progress')
  })

  it('forgets ended runs after keepEndedMs, by the saves of others', async () => {
    const { store, schema } = await newStore()
    await store.create('run_1', { status: 'completed', wakeAt: 0, endedAt: Date.now() - 2 * HOUR })
    const keeping = postgresStore({ pool, schema, keepEndedMs: HOUR })
    await keeping.create('run_2', RUNNING)
    await keeping.save('run_2', 1, { status: 'completed', wakeAt: 0, endedAt: Date.now() })
    await eventually(async () => expect(await store.versions(['run_1', 'run_2'])).toEqual([undefined, 2]))
  })

  it('reports a broken state with the run, and affects no other', async () => {
    const { store, schema } = await newStore()
    for (const id of ['run_1', 'run_2']) await store.create(id, RUNNING)
    await pool.query(`UPDATE ${schema}.runs SET state = '{' WHERE id = 'run_1'`)
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: false,
      message: `Could not read the run, its state is not a JSON object at the Postgres schema ${schema}: run_1`,
    })
    expect(await store.due(100, 10, { isFree: true })).toEqual(['run_1', 'run_2'])
    expect((await store.load('run_2'))?.state).toEqual(RUNNING)
  })

  describe('with 5,000 runs', () => {
    const COUNT = 5_000
    let store: PostgresStore
    let schema: string

    beforeAll(async () => {
      ;({ store, schema } = await newStore())
      await pool.query(
        `INSERT INTO ${schema}.runs (id, version, status, wake_at, started_at, ended_at, owner, worker, is_caller_id, state)
        SELECT 'run_' || n, 1, 'running', n, n, 0, 'owner_' || n % 10, 'worker_' || n % 3, false, '{"status":"running"}'
        FROM generate_series(1, ${COUNT}) AS n`,
      )
      await store.heartbeat('worker_0', HOUR)
      // As autovacuum does a minute later.
      await pool.query(`ANALYZE ${schema}.runs`)
    })

    const page = { limit: 50, after: undefined, owner: undefined, order: 'newest-first', withRemoved: false }
    const due = { before: COUNT, limit: 50, after: undefined, isFree: false }
    it.each([
      ['due', (name: string) => dueStatement(name, due)],
      ['due after a run', (name: string) => dueStatement(name, { ...due, after: 'run_17' })],
      ['due, free ones', (name: string) => dueStatement(name, { ...due, isFree: true, after: 'run_17' })],
      ['list', (name: string) => listStatement(name, page)],
      ['list after a run', (name: string) => listStatement(name, { ...page, after: 'run_17', order: 'oldest-first' })],
      ['list of an owner', (name: string) => listStatement(name, { ...page, owner: 'owner_3', after: 'run_17' })],
      ['list with removed runs', (name: string) => listStatement(name, { ...page, withRemoved: true })],
    ])('reads a page of %s from an index, without a sort', async (_, statementOf) => {
      const { text, values } = statementOf(schema)
      const { rows } = await pool.query(`EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) ${text}`, [...values])
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan).toMatch(/Index (?:Only )?Scan(?: Backward)? using (?:due|all|listed|owned)_runs on runs/)
      expect(plan).not.toMatch(/Seq Scan on runs|Sort/)
      // Two thirds of the runs are free.
      const [, read] = /using \w+_runs on runs \(actual rows=(\d+)/.exec(plan) ?? []
      expect(Number(read)).toBeLessThan(100)
    })

    it('gives every run once, page by page', async () => {
      const seen: string[] = []
      for (let after: string | undefined; ; after = seen.at(-1)) {
        const ids = await store.due(COUNT, 1000, { after, isFree: true })
        if (ids.length === 0) break
        seen.push(...ids)
      }
      expect(seen).toHaveLength(3334)
      expect(new Set(seen).size).toBe(3334)
    })
  })

  describe('a connection', () => {
    it('that ends while it is idle, or in the middle of a statement, costs that statement', async () => {
      const { schema } = await newStore()
      const victims = newPool({ application_name: schema, max: 3 })
      const store = postgresStore({ pool: victims, schema })
      const end = () =>
        pool.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [schema])
      await Promise.all([store.create('run_1', RUNNING), store.create('run_2', RUNNING), store.due(1, 1)])
      await end()
      await eventually(() => expect(victims.totalCount).toBe(0))
      expect(await store.save('run_1', 1, RUNNING)).toBe(2)
      const client = await pool.connect()
      try {
        await client.query('BEGIN')
        await client.query(`LOCK TABLE ${schema}.runs`)
        const saving = store.save('run_2', 1, RUNNING)
        const outcome = saving.catch((error: unknown) => error)
        await eventually(async () => {
          const waits = "SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'"
          expect((await pool.query(waits, [schema])).rows).toHaveLength(1)
        })
        await end()
        expect(await outcome).toMatchObject({ code: 'run-state', isRetryable: true })
        await client.query('ROLLBACK')
      } finally {
        client.release()
      }
      expect(await store.save('run_2', 1, RUNNING)).toBe(2)
    })

    it('that is refused, and a password that is wrong, are reported without password and address of the login', async () => {
      const secrets = [PASSWORD, 'wrong-Pa55word-of-a-person']
      const pools = [
        newPool({ password: secrets[1] }),
        newPool({ connectionString: `postgres://admin:${PASSWORD}@127.0.0.1:1/postgres`, port: 1 }),
      ]
      for (const broken of pools) {
        const store = postgresStore({ pool: broken })
        const works = [
          store.migrate,
          store.checkServer,
          () => store.load('run_1'),
          () => store.create('run_1', RUNNING),
        ]
        for (const work of works) {
          const error = await work().then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
          expect(error).toBeInstanceOf(RunStateError)
          expect(error).toMatchObject({ isRetryable: true })
          const shown = [inspect(error, { depth: 10 }), JSON.stringify(error), (error as Error).stack].join()
          for (const secret of [...secrets, 'postgres://']) expect(shown).not.toContain(secret)
          expect((error as Error).message).toMatch(/password authentication failed|ECONNREFUSED/)
        }
      }
    })

    it('that hangs is given up after timeoutMs, and works again afterwards', async () => {
      const proxy = await startProxy(server.port)
      onTestFinished(proxy.close)
      const { schema } = await newStore()
      const store = postgresStore({ pool: newPool({ port: proxy.port }), schema, timeoutMs: 200 })
      await store.create('run_1', RUNNING)
      proxy.stall()
      await expect(store.save('run_1', 1, RUNNING)).rejects.toMatchObject({
        code: 'run-state',
        isRetryable: true,
        message: `Could not save the run, no answer within: 200 ms at the Postgres schema ${schema}: run_1`,
      })
      proxy.resume()
      // What hung may have arrived since.
      await eventually(async () => expect(await store.versions(['run_1'])).toEqual([2]))
    })

    it('that hangs ends a run in storeTimeoutMs, before anything is sent', async () => {
      const proxy = await startProxy(server.port)
      onTestFinished(proxy.close)
      const { schema } = await newStore()
      const store = postgresStore({ pool: newPool({ port: proxy.port }), schema })
      await store.load('run_1')
      proxy.stall()
      const generator = fakeTaskGenerator()
      const pipeline = new SoraPipeline({ generator, store, storeTimeoutMs: 300 })
      const startedAt = performance.now()
      await expect(pipeline.generate({ prompt: 'A cat' })).rejects.toMatchObject({
        code: 'run-state',
        isRetryable: true,
      })
      expect(performance.now() - startedAt).toBeLessThan(5_000)
      expect(generator.startCount).toBe(0)
      proxy.resume()
      await pipeline.close({ graceMs: 100 })
    })
  })
})
