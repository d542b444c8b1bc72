import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StoredRun } from '../../src/index.js'
import { fileNameOf } from '../../src/stores/files/file-name-of.js'
import { fileStore } from '../../src/stores/index.js'

// What happens right before a system call, by its name and path.
const calls = vi.hoisted(() => ({ before: async (_name: string, _path: string): Promise<void> => undefined }))

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>()
  const watched = <A extends unknown[], R>(name: string, at: number, call: (...args: A) => Promise<R>) => {
    return async (...args: A) => {
      await calls.before(name, String(args[at]))
      return call(...args)
    }
  }
  return {
    ...fs,
    link: watched('link', 1, fs.link),
    readFile: watched('readFile', 0, fs.readFile as (path: string) => Promise<Buffer>),
    readdir: watched('readdir', 0, fs.readdir as (path: string) => Promise<string[]>),
    rename: watched('rename', 1, fs.rename),
  }
})

const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }
const COMPLETED: StoredRun = { status: 'completed', wakeAt: 100, endedAt: 100 }

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-store-due-'))
})

afterEach(async () => {
  calls.before = async () => undefined
  await rm(directory, { recursive: true, force: true })
})

const folderOf = (id: string) => join(directory, 'runs', fileNameOf(id))
const marked = async () => (await readdir(join(directory, 'ended'))).map((name) => name.slice(0, -41)).sort()

/** Lays out a run as version 0.1.0 does. */
async function layOut(id: string, ...states: readonly StoredRun[]): Promise<void> {
  await mkdir(folderOf(id), { recursive: true })
  for (const [index, state] of states.entries()) {
    await writeFile(join(folderOf(id), `${index + 1}.json`), `${JSON.stringify({ id, state })}\n`)
  }
}

/** The folders and files that a store opens meanwhile. */
async function opened(work: () => Promise<unknown>): Promise<readonly string[]> {
  const paths: string[] = []
  calls.before = async (name, path) => {
    if (name === 'readFile' || name === 'readdir') paths.push(path)
  }
  await work()
  calls.before = async () => undefined
  return paths.filter((path) => path.startsWith(join(directory, 'runs')) && path !== join(directory, 'runs'))
}

describe('runs that have ended', () => {
  it('are not opened by due, 2,000 of them', async () => {
    await mkdir(join(directory, 'ended'))
    for (let index = 0; index < 2000; index += 1) {
      const folder = folderOf(`run_${index}`)
      await mkdir(folder, { recursive: true })
      // A file that would fail the reader.
      await writeFile(join(folder, '1.json'), '')
      await writeFile(join(directory, 'ended', basename(folder)), '')
    }
    const store = fileStore({ directory })
    await store.create('run_due', RUNNING)
    const paths = await opened(async () => expect(await store.due(100, 10)).toEqual(['run_due']))
    expect(paths).toEqual([folderOf('run_due'), join(folderOf('run_due'), '1.json')])
    // Known by its version after that.
    expect(await opened(() => store.due(100, 10))).toEqual([folderOf('run_due')])
  })

  it('are marked by the save that ends them, and by no other', async () => {
    const store = fileStore({ directory })
    for (const id of ['completed', 'failed', 'needs-review', 'running']) {
      await store.create(`run-${id}`, RUNNING)
      await store.save(`run-${id}`, 1, { ...RUNNING, status: id as StoredRun['status'] })
    }
    await store.create('run-created', COMPLETED)
    expect(await marked()).toEqual(['run-completed', 'run-created', 'run-failed'])
    expect((await readdir(folderOf('run-completed'))).sort()).toEqual(['1.json', '2.json'])
  })

  it('are marked by due when the process died before it could, or was of version 0.1.0', async () => {
    await layOut('run-old', RUNNING, COMPLETED)
    await layOut('run-review', RUNNING, { ...RUNNING, status: 'needs-review' })
    const store = fileStore({ directory })
    expect(await store.due(100, 10)).toEqual([])
    expect(await marked()).toEqual(['run-old'])
    const paths = await opened(() => store.due(100, 10))
    expect(paths).toEqual([folderOf('run-review')])
  })

  it('are due again once they are opened, and never hidden', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', COMPLETED)
    await store.save('run-1', 1, RUNNING)
    expect(await marked()).toEqual([])
    expect(await store.due(100, 10)).toEqual(['run-1'])
  })

  it('get no marker from a process that slept while they were opened', async () => {
    const [slow, quick] = [fileStore({ directory }), fileStore({ directory })]
    await slow.create('run-1', RUNNING)
    // Right before the marker gets its place, and before the folder is listed for it.
    for (const [index, step] of ['rename', 'readdir'].entries()) {
      let isSaved = false
      calls.before = async (name, path) => {
        if (name === 'link' && path.startsWith(folderOf('run-1'))) isSaved = true
        if (!isSaved || name !== step || (step === 'rename' && !path.includes('ended'))) return
        calls.before = async () => undefined
        await quick.save('run-1', 2 + 2 * index, RUNNING)
      }
      await slow.save('run-1', 1 + 2 * index, COMPLETED)
      expect(await marked().catch(() => [])).toEqual([])
      for (const store of [slow, quick]) expect(await store.due(100, 10)).toEqual(['run-1'])
    }
  })

  it('get no marker while a process is about to open them', async () => {
    await layOut('run-1', COMPLETED)
    const [opening, other] = [fileStore({ directory }), fileStore({ directory })]
    calls.before = async (name) => {
      if (name !== 'link') return
      calls.before = async () => undefined
      expect(await other.due(100, 10)).toEqual([])
    }
    await opening.save('run-1', 1, RUNNING)
    expect(await marked().catch(() => [])).toEqual([])
    expect(await other.due(100, 10)).toEqual(['run-1'])
  })

  it('that version 0.1.0 opened again are due after the next prune', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', COMPLETED)
    await layOut('run-1', COMPLETED, RUNNING)
    await store.prune({ endedBefore: 200, now: 200 })
    expect(await store.due(100, 10)).toEqual(['run-1'])
  })

  it('are still saved when they cannot be marked', async () => {
    const store = fileStore({ directory })
    await writeFile(join(directory, 'ended'), 'in the way')
    await store.create('run-1', RUNNING)
    expect(await store.save('run-1', 1, COMPLETED)).toBe(2)
    expect(await store.due(100, 10)).toEqual([])
  })
})

it('works in a directory that version 0.1.0 made and works in', async () => {
  await layOut('run-1', RUNNING, { ...RUNNING, startedAt: 5 })
  await layOut('run-2', COMPLETED)
  const store = fileStore({ directory })
  expect(await store.load('run-1')).toEqual({ version: 2, state: { ...RUNNING, startedAt: 5 } })
  expect(await store.due(100, 10)).toEqual(['run-1'])
  expect(await store.list({ order: 'oldest-first', limit: 10 })).toEqual(['run-2', 'run-1'])
  await store.reschedule('run-1', 2, 50, [])
  await layOut('run-1', RUNNING, RUNNING, { ...RUNNING, wakeAt: 70 })
  await layOut('run-3', RUNNING)
  expect(await store.due(100, 10)).toEqual(['run-1', 'run-3'])
  expect(await store.load('run-1')).toEqual({ version: 3, state: { ...RUNNING, wakeAt: 70 } })
  await layOut('run-3', RUNNING, COMPLETED)
  expect(await store.due(100, 10)).toEqual(['run-1'])
  expect(await store.save('run-1', 3, COMPLETED)).toBe(4)
  // All that the earlier version reads of a run.
  expect((await readdir(folderOf('run-1'))).filter((name) => /^\d+\.json$/.test(name))).toHaveLength(4)
  expect(await store.prune({ endedBefore: 200, now: 200 })).toBe(3)
  expect(await store.versions(['run-1', 'run-2', 'run-3'])).toEqual([undefined, undefined, undefined])
})

describe('due', () => {
  it('gives pages by wake and id, without runs whose worker is alive', async () => {
    const store = fileStore({ directory })
    for (const [id, wakeAt, worker] of [
      ['run-b', 10, 'w1'],
      ['run-a', 10, 'w2'],
      ['run-c', 5, undefined],
      ['run-d', 20, 'w1'],
    ] as const) {
      await store.create(id, { ...RUNNING, wakeAt, worker })
    }
    await store.heartbeat('w1', 60_000)
    expect(await store.due(100, 10)).toEqual(['run-c', 'run-a', 'run-b', 'run-d'])
    expect(await store.due(100, 2, { after: 'run-a' })).toEqual(['run-b', 'run-d'])
    expect(await store.due(100, 2, { after: 'run-unknown' })).toEqual([])
    expect(await store.due(100, 2, { isFree: true })).toEqual(['run-c', 'run-a'])
    await store.retire('w1')
    expect(await store.due(100, 10, { isFree: true, after: 'run-a' })).toEqual(['run-b', 'run-d'])
  })

  it('lists a run of a later format or with a broken file, whatever it was before, and hides no other', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', RUNNING)
    const later = { id: 'run-later', format: 2, run: 'eJyrVg' }
    await layOut('run-later')
    await writeFile(join(folderOf('run-later'), '7.json'), JSON.stringify(later))
    await layOut('run-review', { ...RUNNING, status: 'needs-review' })
    await writeFile(join(folderOf('run-review'), '2.json'), '{"id":"run-rev')
    await layOut('run-folder')
    await mkdir(join(folderOf('run-folder'), '1.json'))
    // Its id is in the name of the folder alone.
    expect(await store.due(100, 10)).toEqual(['run-folder', 'run-later', 'run-1', 'run-review'])
    expect(await store.versions(['run-later', 'run-1', 'run-review'])).toEqual([7, 1, 2])
    const listed = await store.list({ order: 'oldest-first', limit: 10 })
    expect(listed).toEqual(['run-1', 'run-folder', 'run-later', 'run-review'])
    expect(await store.prune({ endedBefore: 200, now: 200 })).toBe(0)
    for (const [id, file] of [
      ['run-later', '7.json'],
      ['run-review', '2.json'],
      ['run-folder', '1.json'],
    ] as const) {
      await expect(store.load(id)).rejects.toMatchObject({
        name: 'RunStateError',
        isRetryable: false,
        message: expect.stringContaining(join(folderOf(id), file)),
      })
    }
  })
})
