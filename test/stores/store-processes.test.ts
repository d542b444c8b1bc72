import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RunStore } from '../../src/index.js'
import { fileStore, sqliteStore } from '../../src/stores/index.js'
import { killSaves } from './kill-saves.js'
import { type ScriptProcess, startScript } from './processes.js'
import type { StoreTask } from './store-process.js'

const PROCESSES = 8

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stores-'))
})

afterEach(() => rm(directory, { recursive: true, force: true }))

describe.each([
  { kind: 'file' as const, open: (): RunStore => fileStore({ directory: placeOf('file') }) },
  { kind: 'sqlite' as const, open: (): RunStore => sqliteStore({ path: placeOf('sqlite') }) },
])('$kind, with processes at once', ({ kind, open }) => {
  const startAll = async (job: StoreTask['job'], times: number): Promise<readonly ScriptProcess[]> => {
    const processes = Array.from({ length: PROCESSES }, (_, index) =>
      startScript('stores/store-process.ts', { kind, place: placeOf(kind), job, name: `process ${index}`, times }),
    )
    await Promise.all(processes.map(({ next }) => next((told) => told === 'ready')))
    for (const { send } of processes) send('go')
    await Promise.all(processes.map(({ ended }) => ended))
    return processes
  }

  it('loses no update of 8 times 50 increments', async () => {
    const store = open()
    await store.create('counter', { status: 'running', wakeAt: 0, count: 0 })
    await startAll('increment', 50)
    expect(await store.load('counter')).toMatchObject({ version: 401, state: { count: 400 } })
  })

  it('lets one process create each run, and one have each claim', async () => {
    const processes = await startAll('race', 20)
    const won = processes.flatMap(({ told }) => told).filter((entry) => entry !== 'ready')
    const numbers = Array.from({ length: 20 }, (_, index) => index)
    expect(won.sort()).toEqual(numbers.flatMap((index) => [`job_${index}`, `run_${index}`]).sort())
    const store = open()
    expect(await store.due(100, 100)).toHaveLength(20)
    expect((await store.load('run_7'))?.version).toBe(1)
  })

  it('has a whole version after every kill in the middle of saves, and never an older one', async () => {
    let turn = 0
    const random = () => (turn++ % 5) / 5
    expect(await killSaves(open(), { kind, place: placeOf(kind) }, { kills: 8, random })).toBeGreaterThan(8)
  })
})

function placeOf(kind: StoreTask['kind']): string {
  return join(directory, kind === 'file' ? 'runs' : 'runs.db')
}
