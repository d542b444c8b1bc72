import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { StoredRun } from '../../src/index.js'
import { fileNameOf } from '../../src/stores/files/file-name-of.js'
import { fileStore } from '../../src/stores/index.js'

// What happens right before a file is replaced.
const calls = vi.hoisted(() => ({ before: async (_name: string): Promise<void> => undefined }))

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>()
  return {
    ...fs,
    rename: async (from: string, to: string) => {
      await calls.before('rename')
      return fs.rename(from, to)
    },
  }
})

const RUNNING: StoredRun = { status: 'running', wakeAt: 100 }

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-store-reschedule-'))
})

afterEach(async () => {
  calls.before = async () => undefined
  await rm(directory, { recursive: true, force: true })
})

const folderOf = (id: string) => join(directory, 'runs', fileNameOf(id))

describe('a reschedule', () => {
  it('counts until the next save, and is refused for an older version', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', RUNNING)
    await store.reschedule('run-1', 1, 500, [{ progress: 3 }])
    const other = fileStore({ directory })
    expect(await other.load('run-1')).toEqual({
      version: 1,
      state: { ...RUNNING, wakeAt: 500 },
      readings: [{ progress: 3 }],
    })
    expect(await store.due(499, 10)).toEqual([])
    await other.reschedule('run-1', 1, 400, [])
    expect(await store.due(400, 10)).toEqual(['run-1'])
    await store.save('run-1', 1, RUNNING)
    expect(await other.load('run-1')).toEqual({ version: 2, state: RUNNING })
    for (const [id, version] of [
      ['run-1', 1],
      ['run-1', 3],
      ['run-unknown', 1],
    ] as const) {
      await expect(store.reschedule(id, version, 1, [])).rejects.toMatchObject({
        code: 'run-fenced',
        message: `Could not reschedule the run, version ${version} is not the newest: ${id}`,
      })
    }
    expect((await readdir(folderOf('run-1'))).sort()).toEqual(['1.json', '2.json'])
  })

  it('of a process that slept has no effect on a later version, and is swept', async () => {
    const [slow, quick] = [fileStore({ directory }), fileStore({ directory })]
    await slow.create('run-1', RUNNING)
    calls.before = async (name) => {
      if (name !== 'rename') return
      calls.before = async () => undefined
      await quick.save('run-1', 1, RUNNING)
      await quick.reschedule('run-1', 2, 300, [])
    }
    await slow.reschedule('run-1', 1, 900, [])
    expect((await slow.load('run-1'))?.state.wakeAt).toBe(300)
    await quick.save('run-1', 2, RUNNING)
    expect((await readdir(folderOf('run-1'))).sort()).toEqual(['1.json', '2.json', '3.json'])
  })

  it('that a power cut left empty is ignored', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', RUNNING)
    await writeFile(join(folderOf('run-1'), '1.wake'), '')
    expect(await store.load('run-1')).toEqual({ version: 1, state: RUNNING })
    expect(await store.due(100, 10)).toEqual(['run-1'])
  })
})
