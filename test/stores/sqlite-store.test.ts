import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { SoraPipeline, type StoredRun } from '../../src/index.js'
import { sqliteStore } from '../../src/stores/index.js'
import { fakeTaskGenerator, runStoreConformance } from '../../src/testing/index.js'
import { eventually } from '../support/eventually.js'

const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sqlite-store-'))
  path = join(directory, 'runs.db')
})

afterEach(() => rm(directory, { recursive: true, force: true }))

runStoreConformance({
  test,
  create: async () => {
    const place = await mkdtemp(join(tmpdir(), 'sqlite-store-'))
    const stores = [sqliteStore({ path: join(place, 'new', 'runs.db') })]
    return {
      store: stores[0] as (typeof stores)[number],
      reopen: async () => {
        const store = sqliteStore({ path: join(place, 'new', 'runs.db') })
        stores.push(store)
        return store
      },
      dispose: async () => {
        for (const store of stores) await store.close()
        await rm(place, { recursive: true })
      },
    }
  },
})

it('keeps apart ids that are the same in UTF-8, or cut off in C', async () => {
  const store = sqliteStore({ path })
  const ids = ['\ud800', '\udfff', '\ufffd', 'a\0b', 'a\0c', 'a']
  for (const id of ids) expect(await store.create(id, { ...RUNNING, id })).toBe(true)
  for (const id of ids) expect((await store.load(id))?.state.id).toBe(id)
  expect([...(await store.due(100, 10))].sort()).toEqual([...ids].sort())
  await store.close()
})

it('writes ahead and flushes every save', async () => {
  const store = sqliteStore({ path })
  await store.create('run_1', RUNNING)
  const database = new DatabaseSync(path)
  expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
  expect(
    database.prepare('SELECT id, version, status, wake_at, started_at, owner, removed_at FROM runs').all(),
  ).toEqual([
    { id: 'run_1', version: 1, status: 'running', wake_at: 100, started_at: 0, owner: null, removed_at: null },
  ])
  const plan = database.prepare(
    "EXPLAIN QUERY PLAN SELECT id FROM runs WHERE status = 'running' AND wake_at <= 1 ORDER BY wake_at LIMIT 1",
  )
  expect(plan.all()).toEqual([expect.objectContaining({ detail: expect.stringContaining('USING') })])
  database.close()
  await store.close()
})

describe('a database that cannot be used', () => {
  it('is reported with its path, before anything is paid', async () => {
    await writeFile(path, 'no database '.repeat(100))
    const generator = fakeTaskGenerator()
    const pipeline = new SoraPipeline({ generator, store: sqliteStore({ path }) })
    await expect(pipeline.generate({ prompt: 'A cat' })).rejects.toMatchObject({
      code: 'run-state',
      message: expect.stringContaining('nothing was sent'),
      cause: {
        code: 'run-state',
        message: expect.stringContaining(
          `, the store is not a database of SQLite (file is not a database) at ${path}; give the path of one, `,
        ),
      },
    })
    expect(generator.startCount).toBe(0)
  })

  it('because its directory is a file is reported as well', async () => {
    await writeFile(join(directory, 'a-file'), '')
    const store = sqliteStore({ path: join(directory, 'a-file', 'runs.db') })
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      message: expect.stringMatching(
        /^Could not read the run, (?:the store is not a directory \(ENOTDIR\)|EEXIST) at /,
      ),
    })
  })

  it('because it is of a later version is left alone', async () => {
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 3')
    database.close()
    await expect(sqliteStore({ path }).due(1, 1)).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: false,
      message: `Could not open the store, it is of a later version of the library: ${path}`,
    })
  })

  it.each([0, 1, 2, 7])('because it is of another application (user_version %d) is left alone', async (version) => {
    const database = new DatabaseSync(path)
    database.exec(`CREATE TABLE runs (id INTEGER, title TEXT); CREATE TABLE users (id INTEGER);
      PRAGMA user_version = ${version}`)
    database.close()
    const before = await readFile(path)
    await expect(sqliteStore({ path }).create('run_1', RUNNING)).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: false,
      message: `Could not open the store, it is of another application: ${path}`,
    })
    expect(await readFile(path)).toEqual(before)
  })

  it('because a state is broken is reported with the run', async () => {
    const store = sqliteStore({ path })
    await store.create('run_1', RUNNING)
    const database = new DatabaseSync(path)
    database.exec("UPDATE runs SET state = '{'")
    database.close()
    await store.create('run_2', RUNNING)
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: false,
      message: `Could not read the run, its state is not a JSON object at ${path}: run_1`,
    })
    expect(await store.due(100, 10, { isFree: true })).toEqual(['run_1', 'run_2'])
    expect(await store.list({ order: 'oldest-first', limit: 10 })).toEqual(['run_1', 'run_2'])
    expect(await store.versions(['run_1'])).toEqual([1])
    await store.close()
  })

  it('is opened once it can be', async () => {
    await writeFile(path, 'no database '.repeat(100))
    const store = sqliteStore({ path })
    await expect(store.create('run_1', RUNNING)).rejects.toMatchObject({ code: 'run-state' })
    await rm(path)
    expect(await store.create('run_1', RUNNING)).toBe(true)
    await store.close()
  })
})

describe('a rescheduled run', () => {
  it('has the new wake and its readings until the next save, and the state and version that it had', async () => {
    const store = sqliteStore({ path })
    await store.create('run_1', { ...RUNNING, step: 'poll' })
    await store.reschedule('run_1', 1, 500, [{ ratio: 0.5 }, null, 'x'])
    await store.reschedule('run_1', 1, 600, [{ ratio: 0.7 }])
    expect(await store.load('run_1')).toEqual({
      version: 1,
      state: { ...RUNNING, step: 'poll', wakeAt: 600 },
      readings: [{ ratio: 0.7 }],
    })
    const database = new DatabaseSync(path)
    expect(JSON.parse(String(database.prepare('SELECT state FROM runs').get()?.state))).toMatchObject({ wakeAt: 100 })
    database.close()
    expect(await store.due(599, 10)).toEqual([])
    expect(await store.due(600, 10)).toEqual(['run_1'])
    await store.save('run_1', 1, RUNNING)
    expect(await store.load('run_1')).toEqual({ version: 2, state: RUNNING })
    await expect(store.reschedule('run_1', 1, 700, [])).rejects.toMatchObject({
      code: 'run-fenced',
      message: 'Could not reschedule the run, version 1 is not the newest: run_1',
    })
    await expect(store.reschedule('run_2', 1, 700, [])).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not reschedule the run, the store does not know it: run_2',
    })
    await store.close()
  })
})

describe('a beat', () => {
  it('has another number each time, also after the worker was retired', async () => {
    const store = sqliteStore({ path })
    await store.create('run_1', { ...RUNNING, worker: 'w' })
    const numbers: unknown[] = []
    for (let beat = 0; beat < 3; beat += 1) {
      await store.heartbeat('w', 60_000)
      const loaded = await store.load('run_1')
      expect(loaded?.beat).toMatchObject({ ttlMs: 60_000, isExpired: false })
      numbers.push(loaded?.beat?.number)
      if (beat === 1) await store.retire('w')
    }
    expect(new Set(numbers).size).toBe(3)
    await store.retire('w')
    expect(await store.load('run_1')).toEqual({ version: 1, state: { ...RUNNING, worker: 'w' } })
    await store.close()
  })

  it('keeps the runs of its worker from others until it expires', async () => {
    const store = sqliteStore({ path })
    for (const [id, worker] of [
      ['run_1', 'one'],
      ['run_2', 'two'],
      ['run_3', undefined],
    ] as const) {
      await store.create(id, { ...RUNNING, ...(worker !== undefined && { worker }) })
    }
    await store.heartbeat('one', 60_000)
    await store.heartbeat('two', 0.001)
    await eventually(async () => expect((await store.load('run_2'))?.beat?.isExpired).toBe(true))
    expect(await store.due(100, 10, { isFree: true })).toEqual(['run_2', 'run_3'])
    expect(await store.due(100, 10, { isFree: true, after: 'run_2' })).toEqual(['run_3'])
    expect(await store.due(100, 10, { after: 'run_unknown' })).toEqual([])
    expect(await store.due(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)).toEqual(['run_1', 'run_2', 'run_3'])
    await store.close()
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('of %s ms is refused', async (ttlMs) => {
    await expect(sqliteStore({ path }).heartbeat('w', ttlMs)).rejects.toMatchObject({ code: 'request-invalid' })
  })
})

it('gives the progress that the worker of the state reported last', async () => {
  const store = sqliteStore({ path })
  await store.create('run_1', { ...RUNNING, worker: 'one' })
  await store.create('run_2', { status: 'completed', wakeAt: 0, worker: 'one' })
  await store.report(
    'one',
    ['run_1', 'run_2', 'run_unknown'].map((id) => ({ id, progress: { ratio: 0.5 } })),
  )
  expect((await store.load('run_1'))?.progress).toEqual({ ratio: 0.5 })
  expect(await store.load('run_2')).not.toHaveProperty('progress')
  await store.save('run_1', 1, { ...RUNNING, worker: 'two' })
  expect(await store.load('run_1')).not.toHaveProperty('progress')
  await store.report('two', [{ id: 'run_1', progress: { ratio: 0.75 } }])
  expect((await store.load('run_1'))?.progress).toEqual({ ratio: 0.75 })
  await store.close()
})

it('keeps bytes once for all runs that refer to them, and refuses those of another digest', async () => {
  const store = sqliteStore({ path })
  // A part of a larger buffer, as the chunks of a stream are.
  const bytes = Buffer.concat([Buffer.from('before'), Buffer.alloc(3_000_000, 'video'), Buffer.from('after')]).subarray(
    6,
    3_000_006,
  )
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  for (const id of ['run_1', 'run_2', 'run_2']) await store.putMedia(id, sha256, bytes)
  const database = new DatabaseSync(path)
  expect(database.prepare('SELECT count(*) AS count, sum(length(bytes)) AS size FROM media').get()).toEqual({
    count: 1,
    size: 3_000_000,
  })
  database.close()
  expect(bytes.equals((await store.getMedia(sha256)) ?? new Uint8Array())).toBe(true)
  await store.dropMedia('run_1')
  expect(await store.getMedia(sha256)).toHaveLength(3_000_000)
  for (const id of ['run_2', 'run_unknown']) await store.dropMedia(id)
  expect(await store.getMedia(sha256)).toBe(undefined)
  await expect(store.putMedia('run_1', 'f'.repeat(64), bytes)).rejects.toMatchObject({
    code: 'request-invalid',
    message: expect.stringContaining(`give the SHA-256 of the bytes, ${sha256}`),
  })
  expect(await store.getMedia('f'.repeat(64))).toBe(undefined)
  await store.close()
})

it('reports that it was closed', async () => {
  const [closed, unused] = [sqliteStore({ path }), sqliteStore({ path })]
  await closed.create('run_1', RUNNING)
  for (const store of [closed, closed, unused]) await store.close()
  for (const store of [closed, unused]) {
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not read the run, the store was closed: run_1',
    })
  }
})

it.each([undefined, '', ':memory:', 7])('refuses a path that is not a file: %s', (wrong) => {
  expect(() => sqliteStore({ path: wrong as string })).toThrow('give the path of a file')
})

it('names the version of Node that it needs', () => {
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  expect(() => sqliteStore({ path })).toThrow('use Node 22.13 or later, which has node:sqlite')
})
