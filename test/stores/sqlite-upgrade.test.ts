import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SoraPipeline } from '../../src/index.js'
import { sqliteStore } from '../../src/stores/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
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
    const insert = database.prepare("INSERT INTO runs VALUES (?, 1, 'running', 0, ?)")
    database.exec('BEGIN')
    for (const [id, state] of Object.entries(runs)) insert.run(id, state)
    database.exec('COMMIT')
  })
}

describe('a database of version 1', () => {
  it('is what it says', () => {
    expect(inDatabase(versionOf)).toBe(1)
  })

  it('lists its runs, and keeps all that it has', async () => {
    const statesBefore = inDatabase((database) =>
      database.prepare('SELECT id, version, status, wake_at, state FROM runs').all(),
    )
    const store = sqliteStore({ path })
    expect(await store.list?.({ order: 'oldest-first', limit: 10 })).toEqual(RUNS)
    expect(await store.list?.({ order: 'newest-first', after: 'run_review', limit: 1 })).toEqual(['run_failed'])
    expect(await store.list?.({ order: 'newest-first', owner: '', limit: 10 })).toEqual([])
    expect(await store.due(NEWEST + 60_000, 10)).toEqual(['run_running'])
    expect(await store.claim('jobs', 'job_1', 'run_other')).toBe(false)
    expect(await store.claim('jobs', 'job_1', 'run_completed')).toBe(true)
    await store.close()
    expect(inDatabase(versionOf)).toBe(2)
    expect(
      inDatabase((database) => database.prepare('SELECT id, version, status, wake_at, state FROM runs').all()),
    ).toEqual(statesBefore)
  })

  it('goes on with the run that was under way', async () => {
    const clock = manualClock({ now: NEWEST + 120_000 })
    const generator = fakeTaskGenerator()
    const store = sqliteStore({ path })
    const [run] = await new SoraPipeline({ generator, store, clock }).recover()
    await expect(clock.runUntil(run?.result ?? Promise.reject())).resolves.toMatchObject({ servedBy: 'generator' })
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
      expect(await store.list?.({ order: 'oldest-first', owner, limit: 10 })).toEqual([`own_${index}`])
    }
    const all = await store.list?.({ order: 'oldest-first', limit: 100 })
    expect(all).toEqual(['nested', 'odd', ...owners.map((_, index) => `own_${index}`), ...RUNS])
    await store.close()
  })

  it('opens although a state is broken, and says so of that run alone', async () => {
    insertRuns({ broken: '{"status":', array: '[]', empty: '' })
    const store = sqliteStore({ path })
    expect(await store.list?.({ order: 'oldest-first', limit: 10 })).toEqual(['array', 'broken', 'empty', ...RUNS])
    await expect(store.load('broken')).rejects.toMatchObject({ code: 'run-state' })
    expect(await store.load('run_failed')).toMatchObject({ version: 4, state: { status: 'failed' } })
    await store.close()
  })

  it('stays as it is when the upgrade fails, and is upgraded once it can be', async () => {
    inDatabase((database) => database.exec('CREATE TABLE owned_runs (in_the_way)'))
    const store = sqliteStore({ path })
    const listed = async () => store.list?.({ order: 'oldest-first', limit: 10 })
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
    expect(() => insert.run('run_new', 'running', 5, '{}')).toThrow('has 8 columns but 5 values were supplied')
    old.close()
    await store.close()
  })

  it('is upgraded once by 8 processes that open it at once', async () => {
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

it.each([
  ['everybody’s', {}, 'listed_runs (started_at'],
  ['one owner’s', { owner: 'a' }, 'owned_runs (owner=? AND started_at'],
])('reads a page of %s runs from an index, from where it begins', async (_, owner, plan) => {
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare')
  const store = sqliteStore({ path })
  for (const order of ['newest-first', 'oldest-first'] as const) {
    await store.list?.({ order, after: 'run_1', limit: 10, ...owner })
    const statement = prepare.mock.lastCall?.[0] ?? ''
    const steps = inDatabase((database) => database.prepare(`EXPLAIN QUERY PLAN ${statement}`).all())
    expect(steps[0]?.detail).toContain(`SEARCH runs USING INDEX ${plan}`)
    expect(JSON.stringify(steps)).not.toContain('TEMP B-TREE')
  }
  await store.close()
})
