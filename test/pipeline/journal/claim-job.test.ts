import { describe, expect, it } from 'vitest'
import { type GenerationHandle, memoryStore } from '../../../src/index.js'
import { claimJob } from '../../../src/pipeline/journal/claim-job.js'
import { recordedStore } from './recorded-store.js'

type Operation = GenerationHandle['operation']

const claimBy = (runId: string, operation: Operation, store = memoryStore()) =>
  claimJob(store, { generator: 'first', operation }, runId)

describe('the claim of a job', () => {
  it.each<[string, Operation, readonly string[]]>([
    ['an id alone', { id: 'x' }, ['{"id":"x"}']],
    ['an id and more', { id: 'x', url: 'u' }, ['{"id":"x","url":"u"}', '{"id":"x"}']],
    ['a numeric id and more', { id: 7, url: 'u' }, ['{"id":7,"url":"u"}', '{"id":7}']],
    ['an id that is an object, and more', { id: { n: 1 }, url: 'u' }, ['{"id":{"n":1},"url":"u"}']],
    ['fields without an id', { url: 'u' }, ['{"url":"u"}']],
    ['a text', 'x', ['"x"']],
    ['nothing', null, ['null']],
  ])('of %s counts among what a lookup may know of it', async (_, operation, keys) => {
    const { store, callsOf } = recordedStore(memoryStore())
    expect(await claimBy('run_1', operation, store)).toBe(true)
    expect(callsOf('claim')).toEqual(keys.map((key) => ['job:first', key, 'run_1']))
  })

  it('is refused to a second run, whichever of the two forms that run knows', async () => {
    const store = memoryStore()
    expect(await claimBy('run_1', { id: 'x', url: 'u' }, store)).toBe(true)
    expect(await claimBy('run_2', { id: 'x', url: 'u' }, store)).toBe(false)
    expect(await claimBy('run_2', { id: 'x' }, store)).toBe(false)
    expect(await claimBy('run_1', { id: 'x' }, store)).toBe(true)
  })

  it('leaves the id of a job to its claimant', async () => {
    const { store, callsOf } = recordedStore(memoryStore(), { claim: async () => false })
    expect(await claimBy('run_2', { id: 'x', url: 'u' }, store)).toBe(false)
    expect(callsOf('claim')).toHaveLength(1)
  })

  it('is for one generator', async () => {
    const store = memoryStore()
    expect(await claimBy('run_1', { id: 'x' }, store)).toBe(true)
    expect(await claimJob(store, { generator: 'second', operation: { id: 'x' } }, 'run_2')).toBe(true)
  })
})
