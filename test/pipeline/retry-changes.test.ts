import { expect, it } from 'vitest'
import { memoryStore, SoraPipeline } from '../../src/index.js'
import { fakeGenerator } from '../../src/testing/index.js'

it.each<[string, unknown, string]>([
  ['a number', 5, 'changes is 5'],
  ['a list', [], 'changes is an array'],
  ['a Map', new Map([['prompt', 'y']]), 'changes is an object'],
  ['a function', () => ({}), 'changes is a function'],
  ['nothing', null, 'changes is null'],
  ['an empty prompt', { prompt: '' }, 'give 1 to 32,000 characters'],
  ['a typo', { Prompt: 'y' }, 'did you mean prompt?'],
])('a retry with changes that are %s pays nothing', async (_, changes, problem) => {
  const generator = fakeGenerator()
  const pipeline = new SoraPipeline({ generator, store: memoryStore() })
  await pipeline.generate({ prompt: 'A cat' }, { id: 'run_1' })
  const retried = pipeline.retry('run_1', changes as object)
  await expect(retried).rejects.toMatchObject({ code: 'request-invalid', message: expect.stringContaining(problem) })
  expect(generator.calls).toHaveLength(1)
})
