import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, test } from 'vitest'
import { RunStateError, SoraPipeline, type StoredRun } from '../../src/index.js'
import { type RedisClient, type RedisStore, redisStore } from '../../src/stores/index.js'
import { redisConnection } from '../../src/stores/redis/redis-connection.js'
import { sortable } from '../../src/stores/redis/redis-fields.js'
import { migrateKeys } from '../../src/stores/redis/redis-migration.js'
import { fakeTaskGenerator, runStoreConformance } from '../../src/testing/index.js'
import { eventually } from '../support/eventually.js'
import { digestOf } from './digest-of.js'
import { CLIENTS, type ClientOptions, type OpenClient } from './servers/redis-clients.js'
import { isRedisSkipped, type RedisServer, startRedis } from './servers/redis-server.js'
import { startProxy } from './servers/tcp-proxy.js'

const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }
const ENDED: StoredRun = { status: 'completed', wakeAt: 0, startedAt: 50, endedAt: 60 }
const HOUR = 3_600_000
const SECRET = 'redis-Pa55word-of-the-tests'

const title = `a store in Redis, with %s${isRedisSkipped ? ' (skipped: install redis-server)' : ''}`

describe.skipIf(isRedisSkipped).each(CLIENTS)(title, (kind, open) => {
  let server: RedisServer
  let opened: OpenClient
  let count = 0

  beforeAll(async () => {
    server = await startRedis()
    opened = await open(server.port)
  })
  afterAll(async () => {
    opened?.close()
    await server?.close()
  })

  const newPrefix = () => {
    count += 1
    return `test-${count}`
  }

  /** A store with keys of its own. */
  async function newStore(client = opened.client, more: object = {}): Promise<{ store: RedisStore; prefix: string }> {
    const prefix = newPrefix()
    const store = redisStore({ client, prefix, ...more })
    await store.migrate()
    return { store, prefix }
  }

  async function newClient(port = server.port, options?: ClientOptions): Promise<OpenClient> {
    const other = await open(port, options)
    onTestFinished(() => other.close())
    return other
  }

  const numberOf = async (...command: [string, ...string[]]) => Number(await opened.send(...command))

  runStoreConformance({
    test,
    create: async () => {
      const { store, prefix } = await newStore()
      const other = await open(server.port)
      return { store, reopen: async () => redisStore({ client: other.client, prefix }), dispose: () => other.close() }
    },
  })

  describe('that was not migrated', () => {
    it('names the fix, sends nothing, and works once it was', async () => {
      const prefix = newPrefix()
      const store = redisStore({ client: opened.client, prefix })
      const generator = fakeTaskGenerator()
      const pipeline = new SoraPipeline({ generator, store })
      await expect(pipeline.generate({ prompt: 'A cat' })).rejects.toMatchObject({
        code: 'run-state',
        message: expect.stringContaining(
          `under the Redis prefix: ${prefix}; call migrate() of the store first, or run npx sora-pipeline migrate`,
        ),
      })
      expect(generator.startCount).toBe(0)
      await expect(store.load('run_1')).rejects.toMatchObject({ code: 'run-state', isRetryable: false })
      await store.migrate()
      expect(await store.create('run_1', RUNNING)).toBe(true)
    })

    it('because the server lost everything, as an empty replica has, is no store without runs', async () => {
      const { store, prefix } = await newStore()
      await store.create('run_1', RUNNING)
      const keys = (await opened.send('KEYS', `{${prefix}}:*`)) as string[]
      await opened.send('DEL', ...keys)
      await expect(store.create('run_1', RUNNING)).rejects.toThrow('call migrate() of the store first')
    })
  })

  it('refuses a new run where others are missing, before it is paid twice', async () => {
    const { store, prefix } = await newStore()
    for (const id of ['run_1', 'run_2']) await store.create(id, RUNNING)
    // As a server does that evicts keys.
    await opened.send('DEL', `{${prefix}}:versions`)
    const refusal = {
      code: 'run-state',
      isRetryable: false,
      message: `Could not save the run, others are missing under the Redis prefix: ${prefix}; set maxmemory-policy to noeviction, and restore the keys`,
    }
    await expect(store.create('run_1', RUNNING)).rejects.toMatchObject(refusal)
    await expect(store.create('run_3', RUNNING)).rejects.toMatchObject(refusal)
  })

  it('counts its runs, so that none is missing after they were forgotten', async () => {
    const { store, prefix } = await newStore()
    for (let round = 0; round < 3; round += 1) {
      await store.create(`run_${round}`, { ...ENDED, isCallerId: round === 1 })
      await store.create('run_again', ENDED)
      await store.create('run_again', ENDED)
      await store.prune({ endedBefore: HOUR, now: round * 30 * HOUR })
    }
    expect(await numberOf('HGET', `{${prefix}}:meta`, 'runs')).toBe(0)
    expect(await store.create('run_again', RUNNING)).toBe(true)
    expect(await numberOf('HGET', `{${prefix}}:meta`, 'runs')).toBe(1)
  })

  it('leaves nothing of what was forgotten', async () => {
    const { store, prefix } = await newStore()
    const now = Date.now() + 100 * HOUR
    for (const id of ['run_1', 'run_2']) {
      await store.create(id, { ...RUNNING, owner: 'a', worker: 'w' })
      await store.report('w', [{ id, progress: {} }])
      await store.reschedule(id, 1, 5, [])
      await store.claim('jobs', id, id)
      await store.putMedia(id, digestOf(Buffer.from('x')), Buffer.from('x'))
      await store.save(id, 1, { ...ENDED, owner: 'a', endedAt: now - HOUR, isCallerId: id === 'run_2' })
    }
    expect(await store.prune({ endedBefore: now, now })).toBe(2)
    await store.prune({ endedBefore: now, now: now + 25 * HOUR })
    expect(await opened.send('KEYS', `{${prefix}}:*`)).toEqual([`{${prefix}}:meta`])
  })

  describe('migrate()', () => {
    it('is safe when eight processes start at once, and keeps what is there', async () => {
      const prefix = newPrefix()
      const clients = await Promise.all(Array.from({ length: 8 }, () => newClient()))
      const stores = clients.map(({ client }) => redisStore({ client, prefix }))
      await Promise.all(stores.map((store) => store.migrate()))
      await stores[0]?.create('run_1', RUNNING)
      await Promise.all(stores.map((store) => store.migrate()))
      for (const store of stores) expect(await store.versions(['run_1'])).toEqual([1])
    })

    it('upgrades in place, once, while stores of the version before work on', async () => {
      const { store, prefix } = await newStore()
      await store.create('run_1', RUNNING)
      const later = { version: 2, least: 1, upgrades: ['', "redis.call('HINCRBY', meta, 'upgrades', 1)"] }
      const migrations = Array.from({ length: 4 }, () => migrateKeys(redisConnection(opened.client), prefix, later))
      await Promise.all(migrations)
      expect(await numberOf('HGET', `{${prefix}}:meta`, 'upgrades')).toBe(1)
      expect(await store.save('run_1', 1, RUNNING)).toBe(2)
      // The library before changes nothing back.
      await store.migrate()
      expect(await numberOf('HGET', `{${prefix}}:meta`, 'version')).toBe(2)
    })

    it('leaves keys alone that a later version changed beyond use', async () => {
      const { store, prefix } = await newStore()
      await migrateKeys(redisConnection(opened.client), prefix, { version: 2, least: 2, upgrades: ['', ''] })
      await store.migrate()
      await expect(store.create('run_1', RUNNING)).rejects.toMatchObject({
        code: 'run-state',
        isRetryable: false,
        message: `Could not use the store, a later version of the library changed the keys of the Redis prefix: ${prefix}; upgrade sora-pipeline`,
      })
    })
  })

  describe('a server', () => {
    it('that is too old is refused with the version that is needed', async () => {
      const proxy = await startProxy(server.port, { replace: ['redis_version:7.0.', 'redis_version:6.0.'] })
      onTestFinished(proxy.close)
      const { client } = await newClient(proxy.port)
      const store = redisStore({ client, prefix: newPrefix() })
      await expect(store.migrate()).rejects.toMatchObject({
        code: 'run-state',
        isRetryable: false,
        message: expect.stringMatching(
          /^Could not use the store, the version of Redis is: 6\.0\.\d+; use Redis 6\.2 or later$/,
        ),
      })
      expect(await store.checkServer()).toEqual([
        { setting: 'redis_version', value: expect.stringMatching(/^6\.0/), fix: 'use Redis 6.2 or later' },
      ])
    })

    it('with the settings of the README has no problem; others are reported', async () => {
      const careless = await startRedis({
        appendonly: 'no',
        appendfsync: 'everysec',
        'maxmemory-policy': 'allkeys-lru',
      })
      onTestFinished(() => careless.close())
      expect(await (await newStore()).store.checkServer()).toEqual([])
      const { client, send } = await newClient(careless.port)
      const { store } = await newStore(client)
      const problems = await store.checkServer()
      expect(problems.map(({ setting, value }) => `${setting} ${value}`)).toEqual([
        'appendonly no',
        'appendfsync everysec',
        'maxmemory-policy allkeys-lru',
      ])
      expect(problems[1]?.fix).toBe(
        'set appendfsync to always: with another value a crash of the machine loses the last second of saves',
      )
      await send('REPLICAOF', '127.0.0.1', '1')
      expect(await store.checkServer()).toContainEqual(expect.objectContaining({ setting: 'role', value: 'slave' }))
      await expect(store.create('run_1', RUNNING)).rejects.toMatchObject({
        isRetryable: true,
        message: expect.stringContaining('READONLY'),
      })
    })

    it('that shows no settings to its user has unknown ones, and works', async () => {
      const name = newPrefix()
      await opened.send('ACL', 'SETUSER', name, 'on', `>${SECRET}`, '~*', '+@all', '-config')
      const { store } = await newStore((await newClient(server.port, { username: name, password: SECRET })).client)
      expect((await store.checkServer()).map(({ setting, value }) => `${setting} ${value}`)).toEqual([
        'appendfsync unknown',
      ])
      await opened.send('ACL', 'SETUSER', name, '-info')
      expect((await store.checkServer()).map(({ setting, value }) => `${setting} ${value}`)).toEqual(['INFO unknown'])
      await store.migrate()
      expect(await store.create('run_1', RUNNING)).toBe(true)
    })

    it('whose memory is full refuses new runs whole, and still takes what the others need to end', async () => {
      const small = await startRedis()
      onTestFinished(() => small.close())
      const { client, send } = await newClient(small.port)
      const { store } = await newStore(client)
      await store.create('run_1', { ...RUNNING, worker: 'w' })
      await send('CONFIG', 'SET', 'maxmemory', '1')
      for (const work of [
        () => store.create('run_2', RUNNING),
        () => store.putMedia('run_1', digestOf(Buffer.from('x')), Buffer.from('x')),
      ]) {
        await expect(work()).rejects.toMatchObject({
          code: 'run-state',
          isRetryable: true,
          message: expect.stringContaining('maxmemory'),
        })
      }
      expect(await store.load('run_2')).toBeUndefined()
      expect(await store.due(100, 5)).toEqual(['run_1'])
      await store.heartbeat('w', HOUR)
      expect(await store.claim('jobs', 'x', 'run_1')).toBe(true)
      await store.reschedule('run_1', 1, 5, [])
      expect(await store.save('run_1', 1, { ...ENDED, worker: 'w' })).toBe(2)
      expect(await store.load('run_1')).toMatchObject({ state: ENDED, beat: { isExpired: false } })
      await send('CONFIG', 'SET', 'maxmemory', '0')
      expect(await store.create('run_2', RUNNING)).toBe(true)
    })

    it('that lost its scripts is given them again', async () => {
      const { store } = await newStore()
      await store.create('run_1', RUNNING)
      await opened.send('SCRIPT', 'FLUSH')
      expect(await store.save('run_1', 1, RUNNING)).toBe(2)
      expect(await store.getMedia('0'.repeat(64))).toBeUndefined()
    })
  })

  describe('what is given', () => {
    it('has to be a client', () => {
      for (const client of [
        undefined,
        {},
        'redis://127.0.0.1',
        { on: () => undefined },
        { evalSha: () => undefined },
      ]) {
        expect(() => redisStore({ client: client as unknown as RedisClient })).toThrow(
          'give a client of ioredis, such as new Redis(), or of redis 5 or later, such as createClient()',
        )
      }
    })

    it.each(['', 'a b', '{a}', 'a{', 'a'.repeat(101), 'a\n', 'ü', null, 7])(
      'has to be a prefix without braces: %j',
      (prefix) => {
        expect(() => redisStore({ client: opened.client, prefix: prefix as string })).toThrow('prefix is')
      },
    )

    it('is never a part of a script or a key', async () => {
      const { store, prefix } = await newStore()
      const awkward = '"]] return 1 --\n\u0000\v\ud800 {x}:=-\\n'
      await store.create(awkward, { ...RUNNING, worker: awkward, owner: awkward, startedAt: 1 })
      await store.create('other', { ...RUNNING, worker: '', owner: '', startedAt: 2 })
      await store.heartbeat(awkward, HOUR)
      await store.report(awkward, [{ id: awkward, progress: { text: awkward } }])
      await store.reschedule(awkward, 1, 200, [awkward])
      expect(await store.claim(awkward, awkward, awkward)).toBe(true)
      expect(await store.load(awkward)).toMatchObject({
        state: { wakeAt: 200, owner: awkward, worker: awkward },
        readings: [awkward],
        progress: { text: awkward },
        beat: { isExpired: false },
      })
      expect(await store.due(200, 5)).toEqual(['other', awkward])
      expect(await store.due(200, 5, { isFree: true })).toEqual(['other'])
      expect(await store.list({ order: 'newest-first', owner: awkward, limit: 5 })).toEqual([awkward])
      expect(await store.list({ order: 'newest-first', owner: '', after: awkward, limit: 5 })).toEqual([])
      const keys = (await opened.send('KEYS', `*${prefix}*`)) as string[]
      expect(keys.filter((key) => !new RegExp(`^{${prefix}}:[a-z]+$`).test(key))).toEqual([])
    })
  })

  it('gives the order of numbers to their texts', () => {
    const numbers = [
      Number.NEGATIVE_INFINITY,
      -1e9,
      -1.5,
      -1,
      0,
      5e-324,
      0.5,
      1,
      2,
      10,
      1_767_225_600_000,
      1e21,
      Number.POSITIVE_INFINITY,
    ]
    const texts = numbers.map(sortable)
    expect([...texts].sort()).toEqual(texts)
    expect(sortable(-0)).toBe(sortable(0))
    expect(() => sortable(Number.NaN)).toThrow('not a number')
  })

  it('forgets ended runs after keepEndedMs, by the saves of others', async () => {
    const { store, prefix } = await newStore()
    await store.create('run_1', { ...ENDED, endedAt: Date.now() - 2 * HOUR })
    const keeping = redisStore({ client: opened.client, prefix, keepEndedMs: HOUR })
    await keeping.create('run_2', { ...ENDED, endedAt: Date.now() })
    await eventually(async () => expect(await store.versions(['run_1', 'run_2'])).toEqual([undefined, 1]))
  })

  it('reports a broken state with the run, and affects no other', async () => {
    const { store, prefix } = await newStore()
    for (const id of ['run_1', 'run_2']) await store.create(id, RUNNING)
    await opened.send('HSET', `{${prefix}}:states`, 'run_1', '{')
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: false,
      message: `Could not read the run, its state is not a JSON object at the Redis prefix ${prefix}: run_1`,
    })
    expect(await store.due(100, 10, { isFree: true })).toEqual(['run_1', 'run_2'])
  })

  it('reads pages of 5,000 runs by range, in as many commands as there are workers', async () => {
    const { store } = await newStore()
    const ids = Array.from({ length: 5_000 }, (_, index) => `run_${index}`)
    await Promise.all(
      ids.map((id, index) =>
        store.create(id, {
          ...RUNNING,
          wakeAt: index,
          startedAt: index,
          owner: `o${index % 10}`,
          worker: `w${index % 3}`,
        }),
      ),
    )
    await store.heartbeat('w0', HOUR)
    const commandsOf = async (work: () => Promise<readonly string[]>) => {
      await opened.send('CONFIG', 'RESETSTAT')
      const page = await work()
      const stats = String(await opened.send('INFO', 'commandstats'))
      const calls = [...stats.matchAll(/^cmdstat_(?!config|info|eval)[^:]+:calls=(\d+)/gm)].map((match) =>
        Number(match[1]),
      )
      return { page, commands: calls.reduce((sum, each) => sum + each, 0) }
    }
    const due = await commandsOf(() => store.due(5_000, 50, { after: 'run_17' }))
    expect(due.page).toEqual(ids.slice(18, 68))
    const free = await commandsOf(() => store.due(5_000, 50, { after: 'run_17', isFree: true }))
    expect(free.page.slice(0, 4)).toEqual(['run_19', 'run_20', 'run_22', 'run_23'])
    const list = await commandsOf(() => store.list({ order: 'newest-first', limit: 50, after: 'run_4990' }))
    expect(list.page).toEqual(ids.slice(4940, 4990).toReversed())
    const owned = await commandsOf(() => store.list({ order: 'oldest-first', limit: 50, owner: 'o3' }))
    expect(owned.page.slice(0, 2)).toEqual(['run_3', 'run_13'])
    // Layout, time, the run to continue after; then the first run and the page of each worker, and whether it is live.
    expect([due, free, list, owned].map(({ commands }) => commands)).toEqual([10, 12, 3, 2])
  })

  describe('a connection', () => {
    it('that breaks costs at most what was under way', async () => {
      const proxy = await startProxy(server.port)
      onTestFinished(proxy.close)
      const { client } = await newClient(proxy.port)
      const { store } = await newStore(client)
      await store.create('run_1', RUNNING)
      for (let version = 1; version < 4; version += 1) {
        proxy.cut()
        await eventually(async () => expect(await store.versions(['run_1'])).toEqual([version]))
        expect(await store.save('run_1', version, RUNNING)).toBe(version + 1)
      }
    })

    it('that loses an answer does nothing twice', async () => {
      const proxy = await startProxy(server.port)
      onTestFinished(proxy.close)
      const { client } = await newClient(proxy.port)
      const { store } = await newStore(client)
      await store.load('warm-up')
      // The scripts are known to the server, so that the first answer is that of the operation.
      await store.create('run_0', RUNNING)
      await store.save('run_0', 1, RUNNING)
      const lost = async <T>(work: () => Promise<T>) => {
        const isLost = proxy.loseAnswer()
        const outcome = work().catch((error: unknown) => error)
        await isLost
        return outcome
      }
      const created = await lost(() => store.create('run_1', RUNNING))
      const saved = await lost(() => store.save('run_1', 1, RUNNING))
      // One client sends the command again, the other one reports the failure.
      const failure = expect.objectContaining({ code: 'run-state', isRetryable: true })
      expect([created, saved]).toEqual(kind === 'ioredis' ? [true, 2] : [failure, failure])
      expect(await store.load('run_1')).toEqual({ version: 2, state: RUNNING })
      await expect(store.save('run_1', 1, RUNNING)).rejects.toMatchObject({ code: 'run-fenced' })
      expect(await store.create('run_1', RUNNING)).toBe(false)
    })

    it('that hangs is given up after timeoutMs, and works again afterwards', async () => {
      const proxy = await startProxy(server.port)
      onTestFinished(proxy.close)
      const { client } = await newClient(proxy.port)
      const { prefix } = await newStore()
      const store = redisStore({ client, prefix, timeoutMs: 200 })
      await store.create('run_1', RUNNING)
      proxy.stall()
      await expect(store.save('run_1', 1, RUNNING)).rejects.toMatchObject({
        code: 'run-state',
        isRetryable: true,
        message: `Could not save the run, no answer within: 200 ms at the Redis prefix ${prefix}: run_1`,
      })
      proxy.resume()
      // What hung may have arrived since.
      await eventually(async () => expect(await store.versions(['run_1'])).toEqual([2]))
    })

    it('that hangs ends a run in storeTimeoutMs, before anything is sent', async () => {
      const proxy = await startProxy(server.port)
      onTestFinished(proxy.close)
      const { client } = await newClient(proxy.port)
      const { store } = await newStore(client)
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

describe.skipIf(isRedisSkipped)(`clients of Redis${isRedisSkipped ? ' (skipped: install redis-server)' : ''}`, () => {
  let server: RedisServer

  beforeAll(async () => {
    server = await startRedis({ requirepass: SECRET })
  })
  afterAll(() => server?.close())

  it('may be set to give bytes, texts of numbers, or other keys', async () => {
    const host = { host: '127.0.0.1', port: server.port }
    const prefixed = new Redis({ ...host, password: SECRET, keyPrefix: 'app:', stringNumbers: true })
    const mapped = createClient({
      socket: host,
      password: SECRET,
      commandOptions: { typeMapping: { 36: Buffer, 58: String } },
    })
    await mapped.connect()
    onTestFinished(() => {
      prefixed.disconnect()
      mapped.destroy()
    })
    for (const client of [prefixed, mapped as unknown as RedisClient]) {
      const store = redisStore({ client })
      await store.migrate()
      expect(await store.checkServer()).toEqual([])
      expect([await store.create('run_ü', { ...RUNNING, worker: 'w' }), await store.create('run_ü', RUNNING)]).toEqual([
        true,
        false,
      ])
      await store.heartbeat('w', HOUR)
      await store.reschedule('run_ü', 1, 5, [1])
      expect(await store.load('run_ü')).toMatchObject({ version: 1, readings: [1], beat: { number: 1, ttlMs: HOUR } })
      expect(await store.due(100, 5)).toEqual(['run_ü'])
      expect(await store.claim('jobs', 'x', 'run_ü')).toBe(true)
      expect(await store.versions(['run_ü'])).toEqual([1])
      const bytes = Buffer.from([0, 255, 128])
      await store.putMedia('run_ü', digestOf(bytes), bytes)
      expect(await store.getMedia(digestOf(bytes))).toEqual(new Uint8Array(bytes))
    }
    const keys = (await prefixed.keys('*')).filter((key) => key.endsWith(':meta'))
    expect(keys.sort()).toEqual(['app:{sora-pipeline}:meta', '{sora-pipeline}:meta'])
  })

  it('that are not connected, or have a wrong password, are reported at once, without the password', async () => {
    const wrong = 'wrong-Pa55word-of-a-person'
    const closed = createClient({ url: `redis://:${SECRET}@127.0.0.1:${server.port}` })
    const refused = new Redis(`redis://:${wrong}@127.0.0.1:${server.port}`)
    onTestFinished(() => refused.disconnect())
    const expected = [
      [closed, /the client is not connected; call connect\(\) of the client first/],
      [refused, /NOAUTH|WRONGPASS/],
    ] as const
    for (const [client, reason] of expected) {
      const store = redisStore({ client })
      for (const work of [store.migrate, store.checkServer, () => store.create('run_1', RUNNING)]) {
        const error = await work().then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        expect(error).toBeInstanceOf(RunStateError)
        expect((error as Error).message).toMatch(reason)
        const shown = [inspect(error, { depth: 10 }), JSON.stringify(error), (error as Error).stack].join()
        for (const secret of [SECRET, wrong, 'redis://']) expect(shown).not.toContain(secret)
      }
    }
  })

  it('without a server are given up after timeoutMs', async () => {
    const client = new Redis({ port: 1, maxRetriesPerRequest: null })
    onTestFinished(() => client.disconnect())
    await expect(redisStore({ client, timeoutMs: 100 }).migrate()).rejects.toThrow(
      'Could not migrate the store, no answer within: 100 ms at the Redis prefix sora-pipeline: sora-pipeline',
    )
  })
})
