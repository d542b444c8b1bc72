import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { SoraPipeline, type StoredRun } from '../../src/index.js'
import { sqliteStore } from '../../src/stores/index.js'
import { fakeTaskGenerator, runStoreConformance } from '../../src/testing/index.js'

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
  it('is told with its path, before anything is paid', async () => {
    await writeFile(path, 'no database '.repeat(100))
    const generator = fakeTaskGenerator()
    const pipeline = new SoraPipeline({ generator, store: sqliteStore({ path }) })
    await expect(pipeline.generate({ prompt: 'A cat' })).rejects.toMatchObject({
      code: 'run-state',
      message: expect.stringContaining('nothing was sent'),
      cause: {
        code: 'run-state',
        message: expect.stringMatching(`^Could not save the run, file is not a database at ${path}: run_`),
      },
    })
    expect(generator.startCount).toBe(0)
  })

  it('because its directory is a file is told as well', async () => {
    await writeFile(join(directory, 'a-file'), '')
    const store = sqliteStore({ path: join(directory, 'a-file', 'runs.db') })
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      message: expect.stringMatching(/^Could not read the run, (?:ENOTDIR|EEXIST) at /),
    })
  })

  it('because it is of a later version is left alone', async () => {
    const database = new DatabaseSync(path)
    database.exec('PRAGMA user_version = 3')
    database.close()
    await expect(sqliteStore({ path }).due(1, 1)).rejects.toMatchObject({
      code: 'run-state',
      message: `Could not open the store, it is of a later version of the library: ${path}`,
    })
  })

  it('because a state is broken is told with the run', async () => {
    const store = sqliteStore({ path })
    await store.create('run_1', RUNNING)
    const database = new DatabaseSync(path)
    database.exec("UPDATE runs SET state = '{'")
    database.close()
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      message: expect.stringMatching(/^Could not read the run, .*JSON.* at .*: run_1$/),
    })
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

it('says that it was closed', async () => {
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

it.each([undefined, '', ':memory:', 7])('refuses a path that is no file: %s', (wrong) => {
  expect(() => sqliteStore({ path: wrong as string })).toThrow('give the path of a file')
})

it('says which Node it needs', () => {
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  expect(() => sqliteStore({ path })).toThrow('use Node 22.13 or later, which has node:sqlite')
})
