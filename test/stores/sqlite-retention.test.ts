import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StoredRun } from '../../src/index.js'
import { type SqliteStore, sqliteStore } from '../../src/stores/index.js'

const HOUR = 3_600_000
const NOW = 1_790_000_000_000
const BYTES = new TextEncoder().encode('a video')
const SHA256 = createHash('sha256').update(BYTES).digest('hex')

let directory: string
let path: string
let store: SqliteStore

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sqlite-retention-'))
  path = join(directory, 'runs.db')
  store = sqliteStore({ path })
})

afterEach(async () => {
  await store.close()
  await rm(directory, { recursive: true, force: true })
})

function ended(endedAt: number, fields: object = {}): StoredRun {
  return { status: 'completed', wakeAt: 0, endedAt, request: { prompt: 'a cat' }, ...fields }
}

/** Works on the database behind the back of the store. */
function inDatabase<T>(work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path)
  try {
    return work(database)
  } finally {
    database.close()
  }
}

const countOf = (table: string) =>
  inDatabase((database) => database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count)

describe('prune', () => {
  it('forgets ended runs before an instant, and neither running ones nor those in review', async () => {
    await store.create('run_old', ended(NOW - 2))
    await store.create('run_new', ended(NOW))
    await store.create('run_timeless', { status: 'failed', wakeAt: 0 })
    await store.create('run_running', { status: 'running', wakeAt: 0, endedAt: 0 })
    await store.create('run_review', { status: 'needs-review', wakeAt: 0, endedAt: 0 })
    expect(await store.prune({ endedBefore: NOW, now: NOW })).toBe(2)
    const ids = ['run_old', 'run_timeless', 'run_new', 'run_running', 'run_review']
    expect(await store.versions(ids)).toEqual([undefined, undefined, 1, 1, 1])
    expect(await store.prune({ endedBefore: NOW, now: NOW })).toBe(0)
  })

  it('keeps what answers an id of the caller for 24 hours after the end, and counts it once', async () => {
    await store.create('run_1', ended(NOW, { isCallerId: true, fingerprint: 'f', owner: 'a', startedAt: 1 }))
    await store.putMedia('run_1', SHA256, BYTES)
    expect(await store.prune({ endedBefore: NOW + 1, now: NOW + 1 })).toBe(1)
    expect(await store.prune({ endedBefore: NOW + 1, now: NOW + 23 * HOUR })).toBe(0)
    expect(await store.load('run_1')).toMatchObject({
      version: 1,
      state: { fingerprint: 'f', isRetained: true, request: { prompt: '' } },
    })
    expect(await store.create('run_1', ended(NOW))).toBe(false)
    expect(await store.list({ order: 'oldest-first', owner: 'a', limit: 10 })).toEqual(['run_1'])
    expect(await store.getMedia(SHA256)).toBe(undefined)
    expect(await store.prune({ endedBefore: NOW + 1, now: NOW + 24 * HOUR })).toBe(0)
    expect(await store.load('run_1')).toBe(undefined)
  })

  it('lets a retained run continue, which is then forgotten as any other', async () => {
    await store.create('run_1', ended(NOW, { isCallerId: true }))
    await store.prune({ endedBefore: NOW + 1, now: NOW + 1 })
    expect(await store.save('run_1', 1, ended(NOW + 5, { isCallerId: true }))).toBe(2)
    expect(await store.prune({ endedBefore: NOW + 6, now: NOW + 6 })).toBe(1)
  })

  it('releases the claims of a run 24 hours after it was forgotten', async () => {
    await store.create('run_1', ended(NOW))
    await store.claim('jobs', 'job_1', 'run_1')
    await store.prune({ endedBefore: NOW + 1, now: NOW + HOUR })
    await store.prune({ endedBefore: 0, now: NOW + 25 * HOUR - 1 })
    expect(await store.claim('jobs', 'job_1', 'run_2')).toBe(false)
    await store.prune({ endedBefore: 0, now: NOW + 25 * HOUR })
    expect(await store.claim('jobs', 'job_1', 'run_2')).toBe(true)
  })

  it('keeps the claims of a run that was created again', async () => {
    await store.create('run_1', ended(NOW))
    await store.claim('jobs', 'job_1', 'run_1')
    await store.prune({ endedBefore: NOW + 1, now: NOW + HOUR })
    await store.create('run_1', { status: 'running', wakeAt: 0 })
    await store.claim('jobs', 'job_2', 'run_1')
    await store.prune({ endedBefore: 0, now: NOW + 30 * HOUR })
    expect(await store.claim('jobs', 'job_2', 'run_2')).toBe(false)
  })

  it('is not broken by a state that is, which stays until its 24 hours are over', async () => {
    await store.create('run_broken', ended(NOW, { isCallerId: true }))
    await store.create('run_1', ended(NOW))
    inDatabase((database) => database.exec("UPDATE runs SET state = '{' WHERE id = 'run_broken'"))
    expect(await store.prune({ endedBefore: NOW + 1, now: NOW + 1 })).toBe(2)
    await expect(store.load('run_broken')).rejects.toMatchObject({ code: 'run-state', isRetryable: false })
    await store.prune({ endedBefore: 0, now: NOW + 24 * HOUR })
    expect(await store.load('run_broken')).toBe(undefined)
  })

  it('removes what belongs to a run, and beats that expired long ago', async () => {
    await store.create('run_1', { status: 'running', wakeAt: 0, worker: 'w' })
    await store.report('w', [{ id: 'run_1', progress: {} }])
    await store.putMedia('run_1', SHA256, BYTES)
    // As 0.1.0 ends a run: it knows no reports.
    inDatabase((database) => database.exec("UPDATE runs SET status = 'failed', version = 2"))
    await store.heartbeat('w', 1)
    inDatabase((database) => database.exec('UPDATE beats SET expires_at = 5'))
    expect(await store.prune({ endedBefore: 1, now: NOW })).toBe(1)
    expect(['runs', 'reports', 'media', 'media_refs', 'beats'].map(countOf)).toEqual([0, 0, 0, 0, 0])
  })
})

describe('a DELETE by hand', () => {
  it('leaves no media and no reports behind', async () => {
    await store.create('run_1', ended(NOW))
    await store.putMedia('run_1', SHA256, BYTES)
    inDatabase((database) => database.exec("DELETE FROM runs WHERE status IN ('completed', 'failed')"))
    expect(await store.getMedia(SHA256)).toBe(undefined)
  })
})

describe('keepEndedMs', () => {
  it('forgets older runs with the saves of ended ones, at most once a minute', async () => {
    const clock = vi.spyOn(Date, 'now').mockReturnValue(NOW)
    const keeper = sqliteStore({ path, keepEndedMs: 1000 })
    await keeper.create('run_1', ended(NOW - 1001))
    await keeper.create('run_2', { status: 'running', wakeAt: 0 })
    clock.mockReturnValue(NOW + 59_999)
    await keeper.save('run_2', 1, ended(NOW + 59_999))
    expect(await store.versions(['run_1', 'run_2'])).toEqual([undefined, 2])
    await keeper.create('run_3', ended(NOW))
    expect(await store.versions(['run_3'])).toEqual([1])
    clock.mockReturnValue(NOW + 60_000)
    await keeper.create('run_4', ended(NOW + 60_000))
    expect(await store.versions(['run_2', 'run_3', 'run_4'])).toEqual([2, undefined, 1])
    await keeper.close()
  })

  it('forgets no more than 1,000 runs at once, and the next ones with the next save', async () => {
    await Promise.all(Array.from({ length: 1500 }, (_, index) => store.create(`old_${index}`, ended(index))))
    const keeper = sqliteStore({ path, keepEndedMs: HOUR })
    await keeper.create('run_1', ended(Date.now()))
    // The save resolves with the transaction in which the runs were forgotten.
    expect(countOf('runs')).toBe(501)
    await keeper.create('run_2', ended(Date.now()))
    expect(countOf('runs')).toBe(2)
    await keeper.close()
  })

  it('is not a limit of prune', async () => {
    await Promise.all(Array.from({ length: 2500 }, (_, index) => store.create(`old_${index}`, ended(index))))
    expect(await store.prune({ endedBefore: HOUR, now: NOW })).toBe(2500)
    expect(countOf('runs')).toBe(0)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '7'])('refuses %s', (keepEndedMs) => {
    expect(() => sqliteStore({ path, keepEndedMs: keepEndedMs as number })).toThrow('give milliseconds above 0')
  })
})

it('leaves no bytes of what was removed in its files', async () => {
  const bytes = new TextEncoder().encode('a picture of somebody '.repeat(2000))
  const prompt = 'somebody whom nobody is to know'
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  await store.create('run_1', ended(NOW, { request: { prompt } }))
  await store.putMedia('run_1', sha256, bytes)
  await store.dropMedia('run_1')
  await store.save('run_1', 1, ended(NOW, { request: { prompt: '' } }))
  await store.close()
  const left = await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name), 'latin1')))
  expect(left.join('')).not.toMatch(/a picture of somebody|whom nobody is to know/)
  store = sqliteStore({ path })
})
