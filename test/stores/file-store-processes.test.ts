import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fileStore } from '../../src/stores/index.js'
import type { FileStoreTask } from './file-store-process.js'
import { startScript } from './processes.js'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-store-processes-'))
})

afterEach(() => rm(directory, { recursive: true, force: true }))

/** Lets processes do a job at once, and gives what each counted. */
async function startAll(job: FileStoreTask['job'], times: number, count = 3): Promise<readonly number[]> {
  const processes = Array.from({ length: count }, (_, index) =>
    startScript('stores/file-store-process.ts', { place: directory, job, name: `process ${index}`, times }),
  )
  await Promise.all(processes.map(({ next }) => next((told) => told === 'ready')))
  for (const { send } of processes) send('go')
  await Promise.all(processes.map(({ ended }) => ended))
  return processes.map(({ told }) => Number(told.at(-1)))
}

describe('processes at once', () => {
  it('never read a beat or a report that is half written', async () => {
    const store = fileStore({ directory })
    await store.create('run-1', { status: 'running', wakeAt: 0, worker: 'worker' })
    expect(await startAll('work', 100)).toEqual([100, 100, 100])
    expect((await readdir(join(directory, 'progress'))).concat(await readdir(join(directory, 'workers')))).toHaveLength(
      2,
    )
  })

  it('never lose media that one of them refers to, and leave none', async () => {
    expect(await startAll('media', 40)).toEqual([40, 40, 40])
    expect((await readdir(join(directory, 'media'))).concat(await readdir(join(directory, 'references')))).toEqual([])
  })

  it('never forget a run that is running, while ids are reused and ended runs are opened', async () => {
    const lives = await startAll('live', 40)
    expect(lives.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(20)
    const store = fileStore({ directory })
    await store.prune({ endedBefore: 9_000_000_000_000, now: 9_000_000_000_000 })
    for (const place of ['runs', 'ended', 'media', 'references']) {
      expect(await readdir(join(directory, place)), place).toEqual([])
    }
  })
})
