import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setInterval } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { StoredRun } from '../../src/index.js'
import { sqliteStore } from '../../src/stores/index.js'
import { columnsOf } from '../../src/stores/run-columns.js'
import { databaseThread } from '../../src/stores/sqlite/database-thread.js'
import { startScript } from './processes.js'
import { walCommits } from './wal-commits.js'

const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }
const WORKER = fileURLToPath(new URL('../../src/stores/sqlite/sqlite-worker.ts', import.meta.url))

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sqlite-thread-'))
  path = join(directory, 'runs.db')
})

afterEach(() => rm(directory, { recursive: true, force: true }))

const idsOf = (count: number) => Array.from({ length: count }, (_, index) => `run_${index}`)

describe('a database that another connection has locked', () => {
  it('does not block the event loop, and takes the saves that waited', async () => {
    const store = sqliteStore({ path })
    await store.create('run_0', RUNNING)
    const other = new DatabaseSync(path)
    other.exec('BEGIN EXCLUSIVE')
    const saved: string[] = []
    const saves = idsOf(11)
      .slice(1)
      .map(async (id) => {
        await store.create(id, RUNNING)
        saved.push(id)
      })
    // A store that blocks would let no timer fire until its save has failed.
    let ticks = 0
    for await (const _ of setInterval(10)) if (++ticks === 100) break
    expect(saved).toEqual([])
    other.exec('COMMIT')
    other.close()
    await Promise.all(saves)
    expect(await store.due(100, 20)).toHaveLength(11)
    await store.close()
  })

  it('is read meanwhile', async () => {
    const store = sqliteStore({ path })
    await store.create('run_0', RUNNING)
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    expect(await store.load('run_0')).toEqual({ version: 1, state: RUNNING })
    other.exec('ROLLBACK')
    other.close()
    await store.close()
  })

  it('is opened and upgraded once the lock is gone', async () => {
    const other = new DatabaseSync(path)
    other.exec('BEGIN EXCLUSIVE; CREATE TABLE other (a); DROP TABLE other')
    const store = sqliteStore({ path })
    let isOpen = false
    const created = store.create('run_0', RUNNING).then((isNew) => {
      isOpen = true
      return isNew
    })
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(isOpen).toBe(false)
    other.exec('COMMIT')
    other.close()
    expect(await created).toBe(true)
    await store.close()
  })
})

describe('operations of one turn', () => {
  it('share a transaction: 500 saves need few', async () => {
    const store = sqliteStore({ path })
    await Promise.all(idsOf(500).map((id) => store.create(id, RUNNING)))
    const before = walCommits(path)
    const versions = await Promise.all(idsOf(500).map((id) => store.save(id, 1, { ...RUNNING, wakeAt: 200 })))
    expect(versions).toEqual(idsOf(500).map(() => 2))
    const commits = walCommits(path) - before
    expect(commits).toBeGreaterThan(0)
    expect(commits).toBeLessThan(5)
    await store.close()
  })

  it('are performed in their order, and a failing one does not fail another', async () => {
    const store = sqliteStore({ path })
    const outcomes = await Promise.allSettled([
      store.create('run_1', RUNNING),
      store.load('run_1'),
      store.save('run_1', 1, { ...RUNNING, step: 2 }),
      store.save('run_1', 1, { ...RUNNING, step: 'lost' }),
      store.save('run_unknown', 1, RUNNING),
      store.create('run_2', { ...RUNNING, wakeAt: Number.NaN }),
      store.reschedule('run_1', 2, 700, []),
      store.load('run_1'),
      store.create('run_2', RUNNING),
    ])
    expect(outcomes).toEqual([
      { status: 'fulfilled', value: true },
      { status: 'fulfilled', value: { version: 1, state: RUNNING } },
      { status: 'fulfilled', value: 2 },
      {
        status: 'rejected',
        reason: expect.objectContaining({
          code: 'run-fenced',
          message: 'Could not save the run, version 1 is not the newest: run_1',
        }),
      },
      {
        status: 'rejected',
        reason: expect.objectContaining({
          code: 'run-state',
          message: 'Could not save the run, the store does not know it: run_unknown',
        }),
      },
      { status: 'rejected', reason: expect.objectContaining({ code: 'run-state', isRetryable: true }) },
      { status: 'fulfilled', value: undefined },
      { status: 'fulfilled', value: { version: 2, state: { ...RUNNING, step: 2, wakeAt: 700 }, readings: [] } },
      { status: 'fulfilled', value: true },
    ])
    await store.close()
  })

  it('keep the state that they were given', async () => {
    const store = sqliteStore({ path })
    const state = { ...RUNNING, list: [1] }
    const bytes = new Uint8Array([1, 2, 3])
    const sha256 = '039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81'
    const done = Promise.all([store.create('run_1', state), store.putMedia('run_1', sha256, bytes)])
    state.list.push(2)
    bytes.fill(0)
    await done
    expect((await store.load('run_1'))?.state).toEqual({ ...RUNNING, list: [1] })
    expect(await store.getMedia(sha256)).toEqual(new Uint8Array([1, 2, 3]))
    expect(bytes).toHaveLength(3)
    await store.close()
  })
})

describe('a thread', () => {
  it('that dies rejects what was pending, and is replaced by the next operation', async () => {
    const workers: Worker[] = []
    const thread = databaseThread(path, (workerData) => {
      const worker = new Worker(WORKER, { workerData, execArgv: [], stderr: true })
      workers.push(worker)
      return worker
    })
    await thread.call('create', 'run_1', columnsOf(RUNNING))
    // Locked, so that the operation cannot be answered before.
    const other = new DatabaseSync(path)
    other.exec('BEGIN IMMEDIATE')
    const pending = thread.call('create', 'run_2', columnsOf(RUNNING))
    process.nextTick(() => workers[0]?.terminate())
    await expect(pending).rejects.toMatchObject({ errstr: 'its worker ended with 1' })
    other.exec('ROLLBACK')
    other.close()
    expect(await thread.call('versions', ['run_1'])).toEqual([1])
    expect(workers).toHaveLength(2)
    await thread.close()
  })

  it('that cannot start rejects the operation as retryable', async () => {
    const thread = databaseThread(path, () => {
      throw new Error('no threads left')
    })
    await expect(thread.call('load', 'run_1')).rejects.toThrow('no threads left')
    await thread.close()
  })

  it('whose file is missing rejects the operation with the reason', async () => {
    const missing = join(directory, 'missing.js')
    const thread = databaseThread(path, () => new Worker(missing, { execArgv: [], stderr: true }))
    await expect(thread.call('load', 'run_1')).rejects.toMatchObject({
      errstr: 'its worker ended with MODULE_NOT_FOUND',
    })
    await thread.close()
  })

  it('is one for all stores of a path, until the last of them is closed', async () => {
    const [one, two] = [sqliteStore({ path }), sqliteStore({ path: join(directory, '.', 'runs.db') })]
    await Promise.all([one.create('run_1', RUNNING), two.create('run_2', RUNNING)])
    await one.close()
    await one.close()
    expect(await two.versions(['run_1', 'run_2'])).toEqual([1, 1])
    await two.close()
    const three = sqliteStore({ path })
    expect(await three.versions(['run_1'])).toEqual([1])
    await three.close()
  })

  it('finishes what is pending before it is closed', async () => {
    const store = sqliteStore({ path })
    const pending = Promise.all(idsOf(50).map((id) => store.create(id, RUNNING)))
    const closed = store.close()
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: false,
      message: 'Could not read the run, the store was closed: run_1',
    })
    await closed
    expect(await pending).toEqual(idsOf(50).map(() => true))
    const database = new DatabaseSync(path)
    expect(database.prepare('SELECT count(*) AS count FROM runs').get()?.count).toBe(50)
    database.close()
  })
})

describe('a process', () => {
  const start = (job: 'idle' | 'leave') =>
    startScript('stores/store-process.ts', { kind: 'sqlite', place: path, job, name: job, times: 200 })

  it('ends although its store is open', async () => {
    const child = start('idle')
    await child.next((told) => told === 'ready')
    child.send('go')
    expect(await child.ended).toBe(0)
  })

  it('ends only once its pending saves are on the disk', async () => {
    const child = start('leave')
    await child.next((told) => told === 'ready')
    child.send('go')
    expect(await child.ended).toBe(0)
    const store = sqliteStore({ path })
    expect(await store.due(0, 1000)).toHaveLength(200)
    await store.close()
  })
})
