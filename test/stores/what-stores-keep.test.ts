import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RunStore, StoredRun } from '../../src/contracts/run-store.js'
import { memoryStore } from '../../src/index.js'
import { fileStore, sqliteStore } from '../../src/stores/index.js'
import { manualClock } from '../../src/testing/index.js'

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 0, 1)

const stateOf = (id: string, more: object = {}) =>
  ({ v: 2, id, status: 'running', wakeAt: NOW, startedAt: NOW, worker: 'worker', ...more }) as unknown as StoredRun

async function placeOf(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stores-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

async function sqliteAt(path: string) {
  const store = sqliteStore({ path })
  onTestFinished(() => store.close())
  return store as typeof store & Required<RunStore>
}

describe.each([
  ['file', async () => fileStore({ directory: await placeOf() })],
  ['sqlite', async () => sqliteAt(join(await placeOf(), 'runs.db'))],
] as const)('a %s store', (_, make) => {
  it('has no progress of a run that has ended, nor of one that was opened again', async () => {
    const store = await make()
    await store.create('run_1', stateOf('run_1'))
    await store.report('worker', [{ id: 'run_1', progress: { ratio: 0.5 } }])
    expect(await store.load('run_1')).toMatchObject({ progress: { ratio: 0.5 } })
    await store.save('run_1', 1, stateOf('run_1', { status: 'completed', endedAt: NOW }))
    expect(await store.load('run_1')).not.toHaveProperty('progress')
  })

  it('names the run and its version when a save is fenced', async () => {
    const store = await make()
    await store.create('run_1', stateOf('run_1'))
    await store.save('run_1', 1, stateOf('run_1'))
    await expect(store.save('run_1', 1, stateOf('run_1'))).rejects.toThrow(
      'Could not save the run, version 1 is not the newest: run_1',
    )
    await expect(store.reschedule('run_1', 1, NOW, [])).rejects.toThrow(/version 1 is not the newest: run_1$/)
  })
})

describe('a sqlite store', () => {
  it('has no report of a run that ended, should it be opened again', async () => {
    const store = await sqliteAt(join(await placeOf(), 'runs.db'))
    await store.create('run_1', stateOf('run_1'))
    await store.report('worker', [{ id: 'run_1', progress: { ratio: 0.5 } }])
    await store.save('run_1', 1, stateOf('run_1', { status: 'failed', endedAt: NOW }))
    await store.save('run_1', 2, stateOf('run_1'))
    expect(await store.load('run_1')).not.toHaveProperty('progress')
  })

  it.each(['null', '5', '"text"', '[]', '{', ''])('reports that the state of a run is broken: %s', async (broken) => {
    const path = join(await placeOf(), 'runs.db')
    const store = await sqliteAt(path)
    await store.create('run_1', stateOf('run_1'))
    const database = new DatabaseSync(path)
    database.prepare('UPDATE runs SET state = ?').run(broken)
    database.close()
    await expect(store.load('run_1')).rejects.toMatchObject({
      code: 'run-state',
      isRetryable: false,
      message: `Could not read the run, its state is not a JSON object at ${path}: run_1`,
    })
  })
})

describe('a file store', () => {
  it('keeps what it writes from other users', async () => {
    const directory = await placeOf()
    const store = fileStore({ directory })
    await store.create('run_1', stateOf('run_1'))
    await store.heartbeat('worker', 1000)
    await store.claim('jobs', 'x', 'run_1')
    const modes = new Set<number>()
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      const { mode } = await stat(join(entry.parentPath, entry.name))
      modes.add(mode & 0o077)
    }
    expect([...modes]).toEqual([0])
  })

  it('removes what a process that died in the middle of a save left, an hour later and not before', async () => {
    const directory = await placeOf()
    const store = fileStore({ directory })
    await store.create('run_1', stateOf('run_1'))
    const [name = ''] = await readdir(join(directory, 'runs'))
    const folder = join(directory, 'runs', name)
    const names = {
      old: '.2.json.0f8fad5b-d9cb-469f-a165-70867728950e.tmp',
      young: '.2.json.1f8fad5b-d9cb-469f-a165-70867728950e.tmp',
      other: 'notes of the administrator',
    }
    for (const left of Object.values(names)) await writeFile(join(folder, left), '{')
    const long = new Date(Date.now() - 2 * 3_600_000)
    for (const left of [names.old, names.other]) await utimes(join(folder, left), long, long)
    for (let version = 1; version <= 40; version += 1) await store.save('run_1', version, stateOf('run_1'))
    const left = await readdir(folder)
    expect(left).not.toContain(names.old)
    expect(left).toEqual(expect.arrayContaining([names.young, names.other]))
  })
})

describe('a memory store', () => {
  it('forgets what it retained of a run a day after its end', async () => {
    const clock = manualClock({ now: NOW })
    const store = memoryStore({ clock, maxEnded: 1 })
    const end = async (id: string, endedAt: number) => {
      await store.create(id, stateOf(id, { isCallerId: true }))
      await store.save(id, 1, stateOf(id, { isCallerId: true, status: 'failed', endedAt }))
    }
    await end('run_1', NOW)
    await end('run_2', NOW + 1000)
    // Its end is still answered under its id.
    expect(await store.load('run_1')).toBeDefined()
    await end('run_3', NOW + DAY_MS + 2000)
    expect(await store.load('run_1')).toBeUndefined()
  })
})
