import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { lazyPart, loadParts } from '../../src/contracts/lazy-part.js'
import { SoraPipeline } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

it('is loaded once, by its first use or before a run submits', async () => {
  let imports = 0
  const load = lazyPart(async () => {
    imports += 1
    return 'part'
  })
  await loadParts()
  expect(await load()).toBe('part')
  await loadParts()
  expect(imports).toBe(1)
})

it('that cannot be loaded costs no job, and is loaded by the next run', async () => {
  const cause = new Error('Cannot find module')
  let isMissing = true
  lazyPart(async () => {
    if (isMissing) throw cause
  })
  const generator = fakeGenerator()
  const pipeline = new SoraPipeline({ generator })
  await expect(pipeline.run({ prompt: 'A cat' }, { id: 'run_1' }).result).rejects.toMatchObject({
    code: 'run-state',
    message:
      'Could not start the run run_1, nothing was sent: a part of the library cannot be loaded; restart the process',
    isRetryable: true,
    reason: 'a part of the library cannot be loaded',
    cause,
  })
  expect(generator.calls).toEqual([])
  isMissing = false
  await expect(pipeline.generate({ prompt: 'A cat' }, { id: 'run_1' })).resolves.toMatchObject({
    servedBy: 'generator',
  })
})

it('is loaded before the clock of a test moves time', async () => {
  lazyPart(async () => {
    for (let read = 0; read < 50; read += 1) await readFile(fileURLToPath(import.meta.url))
  })
  const clock = manualClock()
  const generator = fakeTaskGenerator()
  const pipeline = new SoraPipeline({ generator, clock })
  const run = pipeline.run({ prompt: 'A cat' })
  await clock.advance(1)
  expect(generator.calls).toHaveLength(1)
  await clock.runUntil(run.result)
})
