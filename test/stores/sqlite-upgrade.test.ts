import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SoraPipeline, type StoredRun } from '../../src/index.js'
import { sqliteStore } from '../../src/stores/index.js'
import { preparedStatements } from '../../src/stores/sqlite/prepared-statements.js'
import { runPages } from '../../src/stores/sqlite/run-pages.js'
import { openDatabase } from '../../src/stores/sqlite/sqlite-database.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { oldLibrary } from './old-library.js'
import { startScript } from './processes.js'

// What the library made when it was of version 1 of the schema, closed well: four runs, one a second, each ended another way.
const VERSION_1 = fileURLToPath(new URL('../fixtures/runs-version-1.db', import.meta.url))
const RUNS = ['run_completed', 'run_failed', 'run_review', 'run_running']
const NEWEST = 1_790_000_007_000

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sqlite-upgrade-'))
  path = join(directory, 'runs.db')
  await copyFile(VERSION_1, path)
})

afterEach(() => rm(directory, { recursive: true, force: true }))

/** Works on the database behind the back of the store. */
function inDatabase<T>(work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path)
  try {
    return work(database)
  } finally {
    database.close()
  }
}

const versionOf = (database: DatabaseSync) => database.prepare('PRAGMA user_version').get()?.user_version

/** Puts runs into the database as version 1 did. */
function insertRuns(runs: Readonly<Record<string, string>>): void {
  inDatabase((database) => {
    const insert = database.prepare(
      "INSERT INTO runs (id, version, status, wake_at, state) VALUES (?, 1, 'running', 0, ?)",
    )
    database.exec('BEGIN')
    for (const [id, state] of Object.entries(runs)) insert.run(id, state)
    database.exec('COMMIT')
  })
}

describe('a database of version 1', () => {
  it('starts at version 1 in these tests', () => {
    expect(inDatabase(versionOf)).toBe(1)
  })

  it('lists its runs, and keeps all that it has', async () => {
    const statesBefore = inDatabase((database) =>
      database.prepare('SELECT id, version, status, wake_at, state FROM runs').all(),
    )
    const store = sqliteStore({ path })
    expect(await store.list({ order: 'oldest-first', limit: 10 })).toEqual(RUNS)
    expect(await store.list({ order: 'newest-first', after: 'run_review', limit: 1 })).toEqual(['run_failed'])
    expect(await store.list({ order: 'newest-first', owner: '', limit: 10 })).toEqual([])
    expect(await store.due(NEWEST + 60_000, 10)).toEqual(['run_running'])
    expect(await store.claim('jobs', 'job_1', 'run_other')).toBe(false)
    expect(await store.claim('jobs', 'job_1', 'run_completed')).toBe(true)
    await store.close()
    expect(inDatabase(versionOf)).toBe(2)
    expect(
      inDatabase((database) => database.prepare('SELECT id, version, status, wake_at, state FROM runs').all()),
    ).toEqual(statesBefore)
  })

  it('continues the run that was in progress', async () => {
    const clock = manualClock({ now: NEWEST + 120_000 })
    const generator = fakeTaskGenerator()
    const store = sqliteStore({ path })
    const [run] = await new SoraPipeline({ generator, store, clock }).recover()
    let isOver = false
    const result = run?.result.finally(() => {
      isOver = true
    })
    // The clock cannot see that the run waits for the thread of the database.
    while (!isOver) {
      await sleep(1)
      if (clock.pending > 0) await clock.advance(100)
    }
    expect(await result).toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(0)
    await store.close()
  })

  it('keeps the fields that it did not read, however they are written', async () => {
    const owners = ['', 'a"b\\', 'ü日本🎬', '\u0000\b\n\u2028', '\ud800', "'; DROP TABLE runs"]
    const state = (fields: object) => JSON.stringify({ status: 'running', wakeAt: 0, ...fields })
    insertRuns({
      ...Object.fromEntries(owners.map((owner, index) => [`own_${index}`, state({ owner, startedAt: index + 0.5 })])),
      removed: state({ removedAt: 0 }),
      odd: state({ startedAt: '7', owner: 7, removedAt: null }),
      nested: state({ inner: { startedAt: 7, owner: 'a', removedAt: 7 } }),
    })
    const store = sqliteStore({ path })
    for (const [index, owner] of owners.entries()) {
      expect(await store.list({ order: 'oldest-first', owner, limit: 10 })).toEqual([`own_${index}`])
    }
    const all = await store.list({ order: 'oldest-first', limit: 100 })
    expect(all).toEqual(['nested', 'odd', ...owners.map((_, index) => `own_${index}`), ...RUNS])
    await store.close()
  })

  it('opens although a state is broken, and reports only that run', async () => {
    insertRuns({ broken: '{"status":', array: '[]', empty: '' })
    const store = sqliteStore({ path })
    expect(await store.list({ order: 'oldest-first', limit: 10 })).toEqual(['array', 'broken', 'empty', ...RUNS])
    await expect(store.load('broken')).rejects.toMatchObject({ code: 'run-state' })
    expect(await store.load('run_failed')).toMatchObject({ version: 4, state: { status: 'failed' } })
    await store.close()
  })

  it('stays unchanged when the upgrade fails, and is upgraded once it can be', async () => {
    inDatabase((database) => database.exec('CREATE TABLE owned_runs (in_the_way)'))
    const store = sqliteStore({ path })
    const listed = async () => store.list({ order: 'oldest-first', limit: 10 })
    await expect(listed()).rejects.toMatchObject({ code: 'run-state' })
    expect(inDatabase(versionOf)).toBe(1)
    inDatabase((database) => database.exec('DROP TABLE owned_runs'))
    expect(await listed()).toEqual(RUNS)
    await store.close()
  })

  it('saves the run of a process that still is of version 1, and lets it create none', async () => {
    const old = new DatabaseSync(path)
    const insert = old.prepare('INSERT INTO runs VALUES (?, 1, ?, ?, ?) ON CONFLICT DO NOTHING')
    const update = old.prepare(
      'UPDATE runs SET version = version + 1, status = ?, wake_at = ?, state = ? WHERE id = ? AND version = ?',
    )
    const store = sqliteStore({ path })
    await store.load('run_running')
    expect(update.run('running', 5, '{}', 'run_running', 9)).toMatchObject({ changes: 1 })
    expect(() => insert.run('run_new', 'running', 5, '{}')).toThrow('columns but 5 values were supplied')
    old.close()
    await store.close()
  })

  it.each([1, 2])('or %i is upgraded once by 8 processes that open it at once', async (version) => {
    if (version === 2) oldLibrary(path).close()
    const state = (startedAt: number) =>
      JSON.stringify({ status: 'running', wakeAt: 0, startedAt, prompt: 'x'.repeat(500) })
    const runs = Array.from({ length: 20_000 }, (_, index) => [`more_${index}`, state(index)] as const)
    insertRuns(Object.fromEntries(runs))
    const processes = Array.from({ length: 8 }, (_, index) =>
      startScript('stores/store-process.ts', {
        kind: 'sqlite',
        place: path,
        job: 'open',
        name: `process ${index}`,
        times: 30_000,
      }),
    )
    await Promise.all(processes.map(({ next }) => next((told) => told === 'ready')))
    for (const { send } of processes) send('go')
    expect(await Promise.all(processes.map(({ ended }) => ended))).toEqual(Array.from({ length: 8 }, () => 0))
    expect(processes.map(({ told }) => told)).toEqual(Array.from({ length: 8 }, () => ['ready', 20_004]))
  })
})

describe('a database of library version 0.1.0', () => {
  const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }

  it('keeps its version, its runs and its claims, and is used by both libraries at once', async () => {
    const old = oldLibrary(path)
    old.create('run_old', { ...RUNNING, startedAt: 1 })
    old.claim('jobs', 'job_old', 'run_old')
    const store = sqliteStore({ path })
    expect(await store.load('run_old')).toEqual({ version: 1, state: { ...RUNNING, startedAt: 1 } })
    expect(await store.claim('jobs', 'job_old', 'run_new')).toBe(false)
    expect(inDatabase(versionOf)).toBe(2)
    // The process of 0.1.0 that is running, and one that starts.
    for (const [index, process] of [old, oldLibrary(path)].entries()) {
      const [own, shared] = [`run_own_${index}`, `run_shared_${index}`]
      expect(process.create(own, { ...RUNNING, owner: 'a' })).toBe(true)
      expect(await store.save(own, 1, { ...RUNNING, owner: 'a', worker: 'w' })).toBe(2)
      expect(process.load(own)).toEqual({ version: 2, state: { ...RUNNING, owner: 'a', worker: 'w' } })
      await store.create(shared, { ...RUNNING, worker: 'w' })
      expect(process.save(shared, 1, { ...RUNNING, wakeAt: 300 })).toBe(2)
      expect(process.save(shared, 1, RUNNING)).toBe(undefined)
      expect(await store.load(shared)).toEqual({ version: 2, state: { ...RUNNING, wakeAt: 300 } })
      expect(process.claim('own', `job_${index}`, own)).toBe(true)
      expect(await store.claim('own', `job_${index}`, shared)).toBe(false)
      expect(process.due(100, 10)).toEqual(await store.due(100, 10))
      process.close()
    }
    expect(await store.list({ order: 'oldest-first', owner: 'a', limit: 10 })).toEqual(['run_own_0', 'run_own_1'])
    await store.close()
  })

  it('drops the worker, schedule, progress and end of a state that 0.1.0 replaced', async () => {
    const store = sqliteStore({ path })
    await store.heartbeat('w', 60_000)
    await store.create('run_1', { ...RUNNING, worker: 'w' })
    await store.report('w', [{ id: 'run_1', progress: { ratio: 0.5 } }])
    await store.reschedule('run_1', 1, 500, [{ ratio: 0.5 }])
    expect(await store.load('run_1')).toMatchObject({ readings: [{ ratio: 0.5 }], progress: { ratio: 0.5 } })
    expect(await store.due(1000, 10, { isFree: true })).not.toContain('run_1')
    const old = oldLibrary(path)
    expect(old.due(499, 10)).not.toContain('run_1')
    old.save('run_1', 1, { ...RUNNING, wakeAt: 200 })
    expect(await store.load('run_1')).toEqual({ version: 2, state: { ...RUNNING, wakeAt: 200 } })
    expect(await store.due(1000, 10, { isFree: true })).toContain('run_1')
    await store.create('run_2', { status: 'completed', wakeAt: 0, endedAt: 1000 })
    old.save('run_2', 1, { status: 'completed', wakeAt: 0, endedAt: 5000 })
    old.close()
    expect(await store.prune({ endedBefore: 2000, now: 2000 })).toBe(0)
    expect(await store.prune({ endedBefore: 5001, now: 5001 })).toBe(1)
    await store.close()
  })

  it('is pruned by the ends that are in its states, broken ones as of 1970', async () => {
    const old = oldLibrary(path)
    const ended = (fields: object): StoredRun => ({ status: 'completed', wakeAt: 0, ...fields })
    old.create('run_recent', ended({ endedAt: NEWEST }))
    old.create('run_late', ended({ endedAt: NEWEST - 10, isCallerId: true }))
    old.create('run_odd', ended({ endedAt: 'yesterday' }))
    old.create('run_broken', ended({ endedAt: NEWEST }))
    old.database.exec(
      "UPDATE runs SET state = '{' WHERE id = 'run_broken'; DELETE FROM runs WHERE id IN ('run_completed', 'run_failed')",
    )
    old.close()
    const store = sqliteStore({ path })
    expect(await store.prune({ endedBefore: NEWEST, now: NEWEST })).toBe(3)
    expect(await store.versions(['run_recent', 'run_late', 'run_odd', 'run_broken', 'run_review'])).toEqual([
      1,
      1,
      undefined,
      undefined,
      expect.any(Number),
    ])
    expect(await store.load('run_late')).toMatchObject({ state: { isRetained: true, endedAt: NEWEST - 10 } })
    await store.close()
  })
})

it.each([
  ['a page of everybody’s runs', 'runs USING INDEX listed_runs (started_at', (runs: Pages) => runs.list(page({}))],
  [
    'a page of one owner’s runs',
    'runs USING INDEX owned_runs (owner=? AND started_at',
    (runs: Pages) => runs.list(page({ owner: 'a' })),
  ],
  [
    'runs that are due',
    'runs USING COVERING INDEX due_runs (wake_at<?)',
    (runs: Pages) => runs.due({ before: 1, limit: 1, after: undefined, isFree: false }),
  ],
  [
    'runs that are due and free',
    'runs USING INDEX due_runs (wake_at>? AND wake_at<?)',
    (runs: Pages) => runs.due({ before: 1, limit: 1, after: 'run_1', isFree: true }),
  ],
])('reads %s from an index, from where it begins', (_, plan, read) => {
  const database = openDatabase(path)
  const texts: string[] = []
  const sql = preparedStatements(database)
  read(
    runPages((text) => {
      texts.push(text)
      return sql(text)
    }),
  )
  const steps = database.prepare(`EXPLAIN QUERY PLAN ${texts[0]}`).all()
  expect(steps[0]?.detail).toContain(`SEARCH ${plan}`)
  expect(JSON.stringify(steps)).not.toContain('TEMP B-TREE')
  database.close()
})

type Pages = ReturnType<typeof runPages>

function page(fields: { readonly owner?: string }) {
  return { owner: undefined, ...fields, order: 'newest-first', after: 'run_1', withRemoved: false, limit: 10 }
}
