import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StoredRun } from '../../src/index.js'
import { fileNameOf } from '../../src/stores/files/file-name-of.js'
import { fileStore } from '../../src/stores/index.js'
import { eventually } from '../support/eventually.js'

const DAY_MS = 86_400_000
const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }
const COMPLETED: StoredRun = { status: 'completed', wakeAt: 100, endedAt: 100 }
const BYTES = new TextEncoder().encode('the bytes of a video')
const SHA256 = createHash('sha256').update(BYTES).digest('hex')
const PRUNE = { endedBefore: 200, now: 3 * DAY_MS }

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-store-retention-'))
})

afterEach(async () => {
  vi.useRealTimers()
  await rm(directory, { recursive: true, force: true })
})

const filesIn = async (place: string) =>
  (await readdir(place, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)

describe('prune', () => {
  it('forgets runs that ended before, with all their files, and no others', async () => {
    const store = fileStore({ directory })
    for (const [id, state] of Object.entries({
      old: COMPLETED,
      failed: { ...COMPLETED, status: 'failed' },
      dateless: { status: 'completed', wakeAt: 1 },
      recent: { ...COMPLETED, endedAt: 200 },
      running: RUNNING,
      review: { ...COMPLETED, status: 'needs-review' },
    } as Record<string, StoredRun>)) {
      await store.create(id, RUNNING)
      await store.save(id, 1, state)
      await store.putMedia(id, SHA256, BYTES)
    }
    expect(await store.prune(PRUNE)).toBe(3)
    expect(await store.prune(PRUNE)).toBe(0)
    const ids = ['old', 'failed', 'dateless', 'recent', 'running', 'review']
    expect(await store.versions(ids)).toEqual([undefined, undefined, undefined, 2, 2, 2])
    expect(await store.getMedia(SHA256)).toEqual(BYTES)
    expect(await store.prune({ ...PRUNE, endedBefore: 201 })).toBe(1)
    for (const id of ['running', 'review']) await store.dropMedia(id)
    expect(await store.getMedia(SHA256)).toBeUndefined()
    expect((await filesIn(directory)).filter((name) => !name.startsWith('.')).sort()).toEqual(
      ['1.json', '1.json', '2.json', '2.json', ...['dateless', 'failed', 'old', 'recent'].map(fileNameOf)].sort(),
    )
    expect(await store.create('old', RUNNING)).toBe(true)
    expect(await store.load('old')).toEqual({ version: 1, state: RUNNING })
  })

  it('keeps what answers an id of the caller for a day, in no file the prompt, and claims for a day after that', async () => {
    const store = fileStore({ directory })
    const mine = {
      ...COMPLETED,
      isCallerId: true,
      request: { prompt: 'A secret cat' },
      video: { url: 'https://a.example' },
    }
    await store.create('run-1', { ...RUNNING, request: { prompt: 'A secret cat' } })
    await store.save('run-1', 1, mine)
    await store.putMedia('run-1', SHA256, BYTES)
    expect(await store.claim('jobs', 'job-1', 'run-1')).toBe(true)
    const at = 1000
    expect(await store.prune({ endedBefore: 200, now: at })).toBe(1)
    expect(await store.load('run-1')).toEqual({
      version: 2,
      state: expect.objectContaining({ status: 'completed', isRetained: true, video: { url: 'https://a.example' } }),
    })
    expect(await store.getMedia(SHA256)).toBeUndefined()
    for (const entry of await readdir(join(directory, 'runs'), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toContain('secret')
    }
    const other = fileStore({ directory })
    expect(await other.prune({ endedBefore: 200, now: 99 + DAY_MS })).toBe(0)
    expect((await other.load('run-1'))?.version).toBe(2)
    expect(await other.prune({ endedBefore: 0, now: 100 + DAY_MS })).toBe(0)
    expect(await other.load('run-1')).toBeUndefined()
    expect(await other.claim('jobs', 'job-1', 'run-2')).toBe(false)
    await other.prune({ endedBefore: 0, now: at + DAY_MS - 1 })
    expect(await other.claim('jobs', 'job-1', 'run-2')).toBe(false)
    await other.prune({ endedBefore: 0, now: at + DAY_MS })
    expect(await store.claim('jobs', 'job-1', 'run-2')).toBe(true)
  })

  it('keeps the claims of a run that was opened or created again', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', { ...COMPLETED, isCallerId: true })
    await store.create('run-2', COMPLETED)
    for (const id of ['run-1', 'run-2']) await store.claim('jobs', id, id)
    expect(await store.prune({ endedBefore: 200, now: 1000 })).toBe(2)
    expect(await store.prune({ endedBefore: 200, now: 1000 })).toBe(0)
    await store.save('run-1', 1, RUNNING)
    await store.create('run-2', RUNNING)
    await store.prune({ endedBefore: 0, now: 5 * DAY_MS })
    for (const id of ['run-1', 'run-2']) expect(await store.claim('jobs', id, 'run-other')).toBe(false)
  })

  it('leaves alone a run that cannot be read', async () => {
    const store = fileStore({ directory })
    for (const id of ['run-1', 'run-2']) await store.create(id, COMPLETED)
    const broken = join(directory, 'runs', fileNameOf('run-1'), '1.json')
    await writeFile(broken, '{"id":"run-1"')
    expect(await store.prune(PRUNE)).toBe(1)
    await expect(store.load('run-1')).rejects.toMatchObject({
      isRetryable: false,
      message: expect.stringContaining(broken),
    })
  })

  it('counts each run once when two processes prune at once', async () => {
    const stores = [fileStore({ directory }), fileStore({ directory })]
    for (let index = 0; index < 40; index += 1) await stores[0]?.create(`run-${index}`, COMPLETED)
    const counts = await Promise.all(stores.map((store) => store.prune(PRUNE)))
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(40)
    expect(await readdir(join(directory, 'runs'))).toEqual([])
    await stores[0]?.prune(PRUNE)
    expect((await readdir(join(directory, 'ended'))).concat(await readdir(join(directory, 'removed')))).toEqual([])
  })
})

describe('keepEndedMs', () => {
  it('forgets runs that ended longer ago after a save that ends one, at most once a minute', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 10 * DAY_MS })
    const store = fileStore({ directory, keepEndedMs: DAY_MS })
    const endAt = async (id: string, endedAt: number) => {
      await store.create(id, RUNNING)
      await store.save(id, 1, { ...COMPLETED, endedAt })
    }
    await fileStore({ directory }).create('run-old', { ...COMPLETED, endedAt: 9 * DAY_MS - 1 })
    await store.create('run-running', RUNNING)
    await endAt('run-new', 9 * DAY_MS)
    await eventually(async () => expect(await store.load('run-old')).toBeUndefined())
    await endAt('run-older', 5)
    vi.setSystemTime(Date.now() + 59_999)
    await endAt('run-newer', Date.now())
    expect(await store.versions(['run-older', 'run-new', 'run-running'])).toEqual([2, 2, 1])
    vi.setSystemTime(Date.now() + 1)
    await endAt('run-newest', Date.now())
    await eventually(async () => expect(await store.versions(['run-older', 'run-new'])).toEqual([undefined, undefined]))
    expect(await store.versions(['run-running', 'run-newest'])).toEqual([1, 2])
    // Work in progress ends before the directory is removed.
    await store.prune({ endedBefore: 0, now: Date.now() })
  })

  it('neither delays nor fails the save', async () => {
    const store = fileStore({ directory, keepEndedMs: 1 })
    await store.create('run-1', RUNNING)
    await mkdir(join(directory, 'released'))
    await writeFile(join(directory, 'removed'), 'in the way')
    expect(await store.save('run-1', 1, COMPLETED)).toBe(2)
    await expect(store.prune({ endedBefore: 200, now: 3 * DAY_MS })).rejects.toMatchObject({ code: 'run-state' })
    expect((await store.load('run-1'))?.version).toBe(2)
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '1' as unknown as number])('refuses %s', (keepEndedMs) => {
    expect(() => fileStore({ directory, keepEndedMs })).toThrow('give milliseconds above 0')
  })
})
