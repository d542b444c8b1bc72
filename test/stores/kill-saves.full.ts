import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fileStore, sqliteStore } from '../../src/stores/index.js'
import { seededRandom } from '../kill/seeded-random.js'
import { killSaves } from './kill-saves.js'

const KILLS = 60
const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000)

it.each(['file', 'sqlite'] as const)('%s: a whole version after every kill in the middle of saves', async (kind) => {
  const directory = await mkdtemp(join(tmpdir(), 'kill-saves-'))
  const place = join(directory, 'runs')
  const store = kind === 'file' ? fileStore({ directory: place }) : sqliteStore({ path: place })
  const version = await killSaves(store, { kind, place }, { kills: KILLS, random: seededRandom(seed) })
  console.info(`${kind}: kills ${KILLS} in the middle of saves, versions ${version}, torn 0, seed ${seed}`)
  expect(version).toBeGreaterThan(KILLS)
  await rm(directory, { recursive: true })
})
