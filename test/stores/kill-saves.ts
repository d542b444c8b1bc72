import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { RunStore } from '../../src/index.js'
import { startScript } from './processes.js'
import type { StoreTask } from './store-process.js'

/**
 * Kills processes in the middle of saves, one after the other, and sees each time that the run is at a whole version that is not
 * older than the last one that was reported. Gives the last version.
 */
export async function killSaves(
  store: RunStore,
  task: Pick<StoreTask, 'kind' | 'place'>,
  { kills, random }: { readonly kills: number; readonly random: () => number },
): Promise<number> {
  await store.create('saved', { status: 'running', wakeAt: 0 })
  let last = 1
  for (let kill = 0; kill < kills; kill += 1) {
    const saver = startScript('stores/store-process.ts', { ...task, job: 'save', name: `saver ${kill}`, times: 0 })
    await saver.next((told) => told === 'ready')
    saver.send('go')
    await saver.next((told) => typeof told === 'number')
    // Somewhere in the middle of a save, which takes a few milliseconds.
    await sleep(random() * 15)
    await saver.kill()
    const told = Number(saver.told.at(-1))
    const loaded = await store.load('saved')
    const { text, digest, wakeAt } = Object(loaded?.state)
    expect(createHash('sha256').update(String(text)).digest('hex')).toBe(digest)
    expect(loaded?.version).toBe(Number(wakeAt) + 1)
    expect(loaded?.version).toBeGreaterThanOrEqual(told)
    expect(told).toBeGreaterThan(last)
    last = loaded?.version ?? 0
    expect(await store.due(Number.MAX_SAFE_INTEGER, 10)).toEqual(['saved'])
  }
  return last
}
