import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { SoraPipeline } from '../../src/index.js'
import { fileStore, sqliteStore } from '../../src/stores/index.js'
import { fakeGenerator } from '../../src/testing/index.js'

it('names the directory and the reason of the system when a run cannot be saved', async () => {
  const place = await mkdtemp(join(tmpdir(), 'store-reasons-'))
  onTestFinished(() => rm(place, { recursive: true, force: true }))
  const file = join(place, 'file')
  await writeFile(file, 'not a directory')
  const generator = fakeGenerator()
  const stores = [fileStore({ directory: join(file, 'runs') }), sqliteStore({ path: join(file, 'runs.sqlite') })]
  for (const store of stores) {
    const pipeline = new SoraPipeline({ generator, store })
    await expect(pipeline.generate({ prompt: 'A cat' }, { id: 'run_1' })).rejects.toMatchObject({
      name: 'RunStateError',
      isRetryable: true,
      message: expect.stringMatching(/^Could not save the run, nothing was sent: run_1 \(\w.* at .*file\/runs.*\)$/),
    })
  }
  expect(generator.calls).toEqual([])
})
