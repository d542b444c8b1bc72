import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StoredRun } from '../../src/index.js'
import { fileNameOf } from '../../src/stores/files/file-name-of.js'
import { fileStore } from '../../src/stores/index.js'

const HELD: StoredRun = { status: 'running', wakeAt: 100, worker: 'w1' }
const HOUR_MS = 3_600_000

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-store-workers-'))
})

afterEach(async () => {
  vi.useRealTimers()
  await rm(directory, { recursive: true, force: true })
})

const fileOf = (folder: string, worker: string) => join(directory, folder, `${fileNameOf(worker)}.json`)

describe('a beat', () => {
  it('is different each time, and expires by the clock of the machine', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_767_225_600_000 })
    const [store, other] = [fileStore({ directory }), fileStore({ directory })]
    await store.create('run-1', HELD)
    expect((await store.load('run-1'))?.beat).toBeUndefined()
    const numbers = new Set<number | undefined>()
    for (let beat = 0; beat < 5; beat += 1) {
      await (beat % 2 === 0 ? store : other).heartbeat('w1', 500)
      numbers.add((await other.load('run-1'))?.beat?.number)
    }
    await store.retire('w1')
    expect((await other.load('run-1'))?.beat).toBeUndefined()
    await store.retire('w-unknown')
    vi.setSystemTime(Date.now() + 10)
    await store.heartbeat('w1', 500)
    numbers.add((await other.load('run-1'))?.beat?.number)
    expect(numbers.size).toBe(6)
    expect((await other.load('run-1'))?.beat).toMatchObject({ ttlMs: 500, isExpired: false })
    expect(await other.due(100, 10, { isFree: true })).toEqual([])
    vi.setSystemTime(Date.now() + 500)
    expect((await other.load('run-1'))?.beat).toMatchObject({ ttlMs: 500, isExpired: true })
    expect(await other.due(100, 10, { isFree: true })).toEqual(['run-1'])
    expect(await readdir(join(directory, 'workers'))).toHaveLength(1)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('of %s ms is refused', async (ttlMs) => {
    await expect(fileStore({ directory }).heartbeat('w1', ttlMs)).rejects.toMatchObject({ code: 'request-invalid' })
    expect(await readdir(directory)).toEqual([])
  })

  it('that is retired while one is being written stays away, and the last of many counts', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', HELD)
    await Promise.all([store.heartbeat('w1', 1), store.heartbeat('w1', 2), store.retire('w1')])
    expect((await store.load('run-1'))?.beat).toBeUndefined()
    await Promise.all([3000, 4000, 5000].map((ttlMs) => store.heartbeat('w1', ttlMs)))
    expect((await store.load('run-1'))?.beat).toMatchObject({ ttlMs: 5000, isExpired: false })
  })

  it('that a power cut left empty is ignored', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', HELD)
    await store.heartbeat('w1', 60_000)
    await writeFile(fileOf('workers', 'w1'), '')
    expect((await store.load('run-1'))?.beat).toBeUndefined()
    await store.heartbeat('w1', 60_000)
    expect((await store.load('run-1'))?.beat?.isExpired).toBe(false)
  })
})

describe('a report', () => {
  it('is one file for each worker, with its running runs', async () => {
    const store = fileStore({ directory })
    for (const id of ['run-1', 'run-2', 'run-3']) await store.create(id, HELD)
    await store.report('w1', [
      { id: 'run-1', progress: { ratio: 0.1 } },
      { id: 'run-2', progress: { ratio: 0.2 } },
      { id: 'run-unknown', progress: { ratio: 1 } },
    ])
    await store.save('run-2', 1, { status: 'completed', wakeAt: 0 })
    await store.report('w1', [{ id: 'run-3', progress: { ratio: 0.3 } }])
    expect(await readdir(join(directory, 'progress'))).toEqual([`${fileNameOf('w1')}.json`])
    expect(JSON.parse(await readFile(fileOf('progress', 'w1'), 'utf8'))).toEqual({
      worker: 'w1',
      runs: [
        { id: 'run-1', progress: { ratio: 0.1 } },
        { id: 'run-3', progress: { ratio: 0.3 } },
      ],
    })
    const other = fileStore({ directory })
    expect(await other.load('run-1')).toEqual({ version: 1, state: HELD, progress: { ratio: 0.1 } })
  })

  it('counts while the run names its worker, and for the worker that it names', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', HELD)
    await store.report('w1', [{ id: 'run-1', progress: { by: 'w1' } }])
    await store.report('w2', [{ id: 'run-1', progress: { by: 'w2' } }])
    expect((await store.load('run-1'))?.progress).toEqual({ by: 'w1' })
    await store.save('run-1', 1, { ...HELD, worker: 'w2' })
    expect((await store.load('run-1'))?.progress).toEqual({ by: 'w2' })
    await store.save('run-1', 2, { status: 'running', wakeAt: 100 })
    expect(await store.load('run-1')).toEqual({ version: 3, state: { status: 'running', wakeAt: 100 } })
  })

  it('keeps entries that others of the worker write at the same time, and is isolated from later changes', async () => {
    const store = fileStore({ directory })
    const ids = Array.from({ length: 20 }, (_, index) => `run-${index}`)
    for (const id of ids) await store.create(id, HELD)
    const given = ids.map((id) => ({ id, progress: { of: id } }))
    const reports = given.map((entry) => store.report('w1', [entry]))
    for (const { progress } of given) progress.of = 'changed'
    await Promise.all(reports)
    for (const id of ids) expect((await store.load(id))?.progress).toEqual({ of: id })
  })
})

it('forgets beats and reports of workers that have been silent for an hour, and of no others', async () => {
  const store = fileStore({ directory })
  await store.create('run-1', HELD)
  for (const worker of ['w1', 'w2', 'w3']) {
    await store.heartbeat(worker, worker === 'w3' ? 2 * HOUR_MS : 1)
    await store.report(worker, worker === 'w1' ? [{ id: 'run-1', progress: {} }] : [])
  }
  await mkdir(join(directory, 'elsewhere'))
  const old = new Date(Date.now() - HOUR_MS - 60_000)
  for (const folder of ['workers', 'progress']) {
    for (const name of await readdir(join(directory, folder))) await utimes(join(directory, folder, name), old, old)
  }
  // Just as long ago by the beats themselves.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + HOUR_MS + 60_000 })
  await store.prune({ endedBefore: 0, now: Date.now() })
  expect(await readdir(join(directory, 'workers'))).toEqual([`${fileNameOf('w3')}.json`])
  expect(await readdir(join(directory, 'progress'))).toEqual([`${fileNameOf('w1')}.json`])
})
