import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'vitest'
import { sqliteStore } from '../../src/stores/index.js'
import { isLikeMemory } from './store-model.js'

it('answers as memoryStore does after any operations', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sqlite-model-'))
  let count = 0
  const open = async () => {
    count += 1
    const store = sqliteStore({ path: join(directory, `${count}.db`) })
    return { store, close: () => store.close() }
  }
  await isLikeMemory(open, { numRuns: 60 })
  await rm(directory, { recursive: true })
})
