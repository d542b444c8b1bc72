import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RunStore, StoredRun } from '../../src/index.js'
import { fileNameOf } from '../../src/stores/files/file-name-of.js'
import { fileStore } from '../../src/stores/index.js'

// What happens right before a system call.
const calls = vi.hoisted(() => ({ before: async (): Promise<void> => undefined }))

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>()
  const names = [
    'link',
    'mkdir',
    'open',
    'readFile',
    'readdir',
    'rename',
    'rm',
    'rmdir',
    'stat',
    'unlink',
    'utimes',
    'writeFile',
  ]
  const watched = names.map((name) => {
    const call = Object(fs)[name] as (...args: unknown[]) => Promise<unknown>
    const before = async (...args: unknown[]) => {
      await calls.before()
      return call(...args)
    }
    return [name, before]
  })
  return { ...fs, ...Object.fromEntries(watched) }
})

const DAY_MS = 86_400_000
const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }
const COMPLETED: StoredRun = { status: 'completed', wakeAt: 100, endedAt: 100 }
const BYTES = new TextEncoder().encode('the bytes of a video')
const SHA256 = createHash('sha256').update(BYTES).digest('hex')
const PRUNE = { endedBefore: 200, now: 3 * DAY_MS }

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-store-removal-'))
})

afterEach(async () => {
  calls.before = async () => undefined
  await rm(directory, { recursive: true, force: true })
})

/** Runs work in the middle of other work: before its n-th system call. Resolves to whether that call exists. */
async function inTheMiddle(turn: number, slow: () => Promise<unknown>, quick: () => Promise<unknown>) {
  let count = 0
  calls.before = async () => {
    count += 1
    if (count !== turn) return
    calls.before = async () => undefined
    await quick()
  }
  await slow()
  calls.before = async () => undefined
  return count >= turn
}

async function saveUpTo(store: RunStore, id: string, version: number, state: StoredRun): Promise<void> {
  for (let now = 1; now < version; now += 1) await store.save(id, now, now === version - 1 ? state : RUNNING)
}

describe.each([
  ['a run', COMPLETED],
  ['a run of which something is retained', { ...COMPLETED, isCallerId: true, endedAt: 3 * DAY_MS }],
] as const)('in the middle of the removal of %s', (_, ended) => {
  const query = { endedBefore: 4 * DAY_MS, now: 3 * DAY_MS + 1 }

  it('a process that opens it wins or is fenced, at every system call', async () => {
    for (let turn = 1; ; turn += 1) {
      const place = join(directory, String(turn))
      const [slow, quick] = [fileStore({ directory: place }), fileStore({ directory: place })]
      await slow.create('run-1', RUNNING)
      await slow.save('run-1', 1, ended)
      let opened: unknown
      const open = async () => {
        opened = await quick.save('run-1', 2, RUNNING).catch((error: unknown) => Object(error).code)
      }
      const isThere = await inTheMiddle(turn, () => slow.prune(query), open)
      const found = await quick.load('run-1')
      if (opened === 3) {
        expect(found).toEqual({ version: 3, state: RUNNING })
        expect(await fileStore({ directory: place }).due(100, 10)).toEqual(['run-1'])
        expect(await quick.prune(query)).toBe(0)
      } else if (isThere) {
        expect(opened).toMatch(/run-fenced|run-state/)
      }
      if (!isThere) break
    }
  })

  it('another process does all of it and creates the run again, which stays', async () => {
    const later = { endedBefore: 9 * DAY_MS, now: 9 * DAY_MS }
    for (let turn = 1; ; turn += 1) {
      const place = join(directory, String(turn))
      const [slow, quick] = [fileStore({ directory: place }), fileStore({ directory: place })]
      await slow.create('run-1', RUNNING)
      await saveUpTo(slow, 'run-1', 3, ended)
      await slow.putMedia('run-1', SHA256, BYTES)
      let version = 0
      const again = async () => {
        await quick.prune(later)
        expect(await quick.create('run-1', RUNNING)).toBe(true)
        await quick.putMedia('run-1', SHA256, BYTES)
        // As many versions as it had, or as it had with the one that removed it.
        version = turn % 2 === 0 ? 3 : 4
        await saveUpTo(quick, 'run-1', version, { ...RUNNING, life: 2 })
      }
      const isThere = await inTheMiddle(turn, () => slow.prune(query), again)
      if (!isThere) break
      expect(await quick.load('run-1')).toEqual({ version, state: { ...RUNNING, life: 2 } })
      for (const store of [slow, fileStore({ directory: place })]) expect(await store.due(100, 10)).toEqual(['run-1'])
      expect(await slow.getMedia(SHA256)).toEqual(BYTES)
    }
  })

  it('a process dies, and the next one finishes it', async () => {
    for (let turn = 1; ; turn += 1) {
      const place = join(directory, String(turn))
      const [dying, store] = [fileStore({ directory: place }), fileStore({ directory: place })]
      await dying.create('run-1', RUNNING)
      await dying.save('run-1', 1, ended)
      await dying.putMedia('run-1', SHA256, BYTES)
      let count = 0
      calls.before = async () => {
        count += 1
        // Everything after that fails too.
        if (count >= turn) throw Object.assign(new Error('died'), { code: 'EIO' })
      }
      await dying.prune(query).catch(() => undefined)
      calls.before = async () => undefined
      await store.prune({ endedBefore: 9 * DAY_MS, now: 9 * DAY_MS })
      expect(await store.load('run-1')).toBeUndefined()
      expect(await store.getMedia(SHA256)).toBeUndefined()
      expect(await store.create('run-1', RUNNING)).toBe(true)
      expect(await fileStore({ directory: place }).due(100, 10)).toEqual(['run-1'])
      if (count < turn) break
    }
  })
})

it.each([
  ['saved as ended', COMPLETED],
  ['saved as running', RUNNING],
] as const)('a run that another process prunes in the middle of its save is %s', async (_, state) => {
  let pruned = 0
  for (let turn = 1; ; turn += 1) {
    const place = join(directory, String(turn))
    const [slow, quick] = [fileStore({ directory: place }), fileStore({ directory: place })]
    await slow.create('run-1', RUNNING)
    let saved: unknown
    const save = async () => {
      saved = await slow.save('run-1', 1, state).catch((error: unknown) => error)
    }
    const endAndPrune = async () => {
      const version = (await quick.load('run-1'))?.version ?? 0
      if (version === 2 && state === RUNNING) await quick.save('run-1', version, COMPLETED)
      pruned += await quick.prune(PRUNE)
    }
    const isThere = await inTheMiddle(turn, save, endAndPrune)
    expect([turn, saved]).toEqual([turn, 2])
    if (!isThere) break
  }
  // Otherwise no call of these was after the name of the version was taken.
  expect(pruned).toBeGreaterThan(1)
})

it('a save that slept sweeps no version of a run that was created again', async () => {
  for (let turn = 1; ; turn += 1) {
    const place = join(directory, String(turn))
    const [slow, quick] = [fileStore({ directory: place }), fileStore({ directory: place })]
    await slow.create('run-1', RUNNING)
    await saveUpTo(slow, 'run-1', 7, RUNNING)
    const again = async () => {
      const version = (await quick.load('run-1'))?.version ?? 0
      await quick.save('run-1', version, COMPLETED)
      expect(await quick.prune(PRUNE)).toBe(1)
      await quick.create('run-1', RUNNING)
      // The oldest version that the other save may sweep.
      await saveUpTo(quick, 'run-1', 4, { ...RUNNING, life: 2 })
    }
    const isThere = await inTheMiddle(turn, () => slow.save('run-1', 7, RUNNING).catch(() => undefined), again)
    if (!isThere) break
    expect(await quick.load('run-1')).toEqual({ version: 4, state: { ...RUNNING, life: 2 } })
    expect(
      (await readdir(join(place, 'runs', fileNameOf('run-1')))).filter((name) => name.endsWith('.json')),
    ).toHaveLength(4)
  }
})

it('creates a run whose removal was not finished, also when its directory was lost', async () => {
  for (const isLost of [false, true]) {
    const place = join(directory, String(isLost))
    const store = fileStore({ directory: place })
    const folder = join(place, 'runs', fileNameOf('run-1'))
    await store.create('run-1', COMPLETED)
    const removal = '00000000-0000-4000-8000-000000000001'
    if (!isLost) await mkdir(join(place, 'removed', removal), { recursive: true })
    const stone = { id: 'run-1', state: { status: 'completed', wakeAt: 0 }, forgottenAt: 5, removal }
    await writeFile(join(folder, '2.json'), JSON.stringify(stone))
    expect(await store.load('run-1')).toBeUndefined()
    expect(await store.due(100, 10)).toEqual([])
    expect(await store.list({ order: 'oldest-first', limit: 10 })).toEqual([])
    expect(await store.versions(['run-1'])).toEqual([undefined])
    await expect(store.save('run-1', 1, RUNNING)).rejects.toMatchObject({ code: 'run-fenced' })
    expect(await store.create('run-1', RUNNING)).toBe(true)
    expect(await store.load('run-1')).toEqual({ version: 1, state: RUNNING })
  }
})
