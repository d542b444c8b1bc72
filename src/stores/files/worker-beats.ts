import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { WorkerBeat } from '../../contracts/run-store.js'
import { fileNameOf } from './file-name-of.js'
import type { FilePlaces } from './file-places.js'
import { readObject, replaceFileIn } from './replaced-file.js'
import { namesIn, SWEPT_AFTER_MS, sweepLeft } from './version-files.js'

/** Writes the next beat of a worker. */
export async function writeBeat({ workers }: FilePlaces, worker: string, ttlMs: number): Promise<void> {
  const path = beatPath(workers, worker)
  const last = Number(Object(await readObject(path)).number) || 0
  const now = Date.now()
  // Never a number from before it was retired.
  const number = Math.max(last + 1, now)
  await replaceFileIn(path, `${JSON.stringify({ worker, number, ttlMs, expiresAt: now + ttlMs })}\n`)
}

/** The last beat of a worker; `undefined` without one. */
export async function readBeat({ workers }: FilePlaces, worker: unknown): Promise<WorkerBeat | undefined> {
  if (typeof worker !== 'string') return undefined
  const { number, ttlMs, expiresAt } = Object(await readObject(beatPath(workers, worker)))
  if (typeof number !== 'number' || typeof ttlMs !== 'number' || typeof expiresAt !== 'number') return undefined
  return { number, ttlMs, isExpired: expiresAt <= Date.now() }
}

/** Removes the beat of a worker. */
export async function removeBeat({ workers }: FilePlaces, worker: string): Promise<void> {
  await rm(beatPath(workers, worker), { force: true })
}

/** Removes beats that expired more than an hour ago: the runs of a worker are free without a beat as with an expired one. */
export async function sweepBeats({ workers }: FilePlaces): Promise<void> {
  for (const name of await namesIn(workers)) {
    const { expiresAt } = Object(await readObject(join(workers, name)))
    if (!(Number(expiresAt) > Date.now() - SWEPT_AFTER_MS)) await sweepLeft(join(workers, name))
  }
}

function beatPath(workers: string, worker: string): string {
  return join(workers, `${fileNameOf(worker)}.json`)
}
