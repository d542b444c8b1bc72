import { describe, expect, it } from 'vitest'
import { generatorRoutesOf } from '../../../src/calling/generator-routes.js'
import { fallback, type GenerationHandle, type RunStore } from '../../../src/index.js'
import { type Adoption, adoptJob } from '../../../src/pipeline/journal/adopt-run.js'
import { configOf } from '../../../src/pipeline/pipeline-config.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { acceptedJob, NOW, REQUEST, stateOf, storeOf, UNKNOWN } from '../generate/prepared-runs.js'
import { down, isDown, isRefusal, recordedStore } from './recorded-store.js'

const { handle } = acceptedJob('x')
const second = fakeTaskGenerator({ name: 'second' })
const generator = fallback([fakeTaskGenerator({ name: 'first' }), second])

/** A store with prepared runs, and the adoption of `handle` there as `run_1`. */
async function world(states: readonly RunState[] = [], change: (store: RunStore) => Partial<RunStore> = () => ({})) {
  const clock = manualClock()
  const memory = await storeOf(states, clock)
  const { store, callsOf } = recordedStore(memory, change(memory))
  const config = configOf({ generator, store, clock })
  const adopt = (adoption: Partial<Adoption> = {}) =>
    adoptJob(config, { id: 'run_1', isCallerId: true, handle, ...adoption })
  return { clock, memory, adopt, callsOf }
}

describe('a job that is adopted', () => {
  it('is a run at the generator of the handle, for which nothing is submitted without a request', async () => {
    const { memory, adopt } = await world()
    const elsewhere = { ...handle, generator: 'second' }
    await adopt({ handle: elsewhere, owner: 'o' })
    expect(await memory.load('run_1')).toMatchObject({
      version: 1,
      state: {
        status: 'running',
        isAdopted: true,
        isCallerId: true,
        owner: 'o',
        request: { prompt: '' },
        submission: { cursor: generatorRoutesOf(generator).locate(second), generator: 'second', handle: elsewhere },
      },
    })
    expect(await memory.claim('job:second', '{"id":"x"}', 'run_2')).toBe(false)
  })

  it('keeps media of its request as a data URL, for the case that the job fails', async () => {
    const { memory, adopt, callsOf } = await world()
    const bytes = new Uint8Array([137, 80, 78, 71])
    await adopt({ request: { ...REQUEST, image: { bytes, mediaType: 'image/png' } } })
    const image = `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`
    expect((await memory.load('run_1'))?.state).toMatchObject({ request: { ...REQUEST, image } })
    expect(callsOf('putMedia')).toEqual([])
  })

  it('has not started later than now', async () => {
    const { memory, adopt } = await world()
    await adopt({ handle: { ...handle, startedAt: NOW + 5000 } })
    expect((await memory.load('run_1'))?.state).toMatchObject({
      submission: { sentAt: NOW, handle: { startedAt: NOW } },
    })
  })

  it('may be adopted again under its id', async () => {
    const { memory, adopt } = await world()
    await adopt({ owner: 'o' })
    const before = await memory.load('run_1')
    await adopt({ owner: 'o' })
    expect(await memory.load('run_1')).toEqual(before)
  })
})

describe('an invalid handle', () => {
  const fix = 'give a GenerationHandle: { generator, operation, startedAt }'
  const { operation: _, ...withoutOperation } = handle

  it.each<[string, unknown, readonly (readonly [string, string])[]]>([
    ['nothing', undefined, [['handle', 'nothing']]],
    ['an empty name', { ...handle, generator: '' }, [['handle.generator', '""']]],
    ['an upstream without a name', { ...handle, upstream: 5 }, [['handle.upstream', '5']]],
    ['no operation', withoutOperation, [['handle.operation', 'nothing']]],
    [
      'several problems',
      { ...handle, generator: 5, startedAt: 'now' },
      [
        ['handle.generator', '5'],
        ['handle.startedAt', '"now"'],
      ],
    ],
  ])('because of %s is refused, and the store is not called', async (_name, wrong, problems) => {
    const { adopt, callsOf } = await world()
    await expect(adopt({ handle: wrong as GenerationHandle })).rejects.toMatchObject({
      code: 'request-invalid',
      problems: problems.map(([field, value]) => ({ field, value, fix })),
    })
    expect(callsOf('claim')).toEqual([])
  })
})

describe('a job that cannot be adopted', () => {
  it('is one of a generator that is not in the chain', async () => {
    const { adopt, callsOf } = await world()
    const gone = { ...handle, generator: 'gone' }
    const message = 'Could not adopt the job, no generator of the chain fits it: gone, the chain has first, second'
    await expect(adopt({ handle: gone })).rejects.toMatchObject({ ...isRefusal(message), handle: gone })
    expect(callsOf('claim')).toEqual([])
  })

  it('is one that another run has claimed', async () => {
    const { adopt, memory } = await world()
    await memory.claim('job:first', '{"id":"x"}', 'run_2')
    const message = expect.stringContaining(
      'Could not adopt the job, another run has claimed it (settle that run with this operation): {"id":',
    )
    await expect(adopt()).rejects.toMatchObject({ ...isRefusal(message), handle })
    expect(await memory.load('run_1')).toBeUndefined()
  })

  it.each<[string, Partial<RunState>, Partial<Adoption>]>([
    ['has another job', { submission: acceptedJob('y') }, {}],
    ['has no job', { submission: UNKNOWN }, {}],
    ['has the job for another owner', { submission: acceptedJob('x'), owner: 'o' }, { owner: 'p' }],
    ['has the job for an owner', { submission: acceptedJob('x'), owner: 'o' }, {}],
    ['has another job for this owner', { submission: acceptedJob('y'), owner: 'o' }, { owner: 'o' }],
  ])('is one whose id belongs to a run that %s', async (_, changes, adoption) => {
    const { adopt, memory } = await world([stateOf('run_1', changes)])
    const before = await memory.load('run_1')
    const message = 'Could not adopt the job, its id belongs to another run: run_1'
    await expect(adopt(adoption)).rejects.toMatchObject({ ...isRefusal(message), handle })
    expect(await memory.load('run_1')).toEqual(before)
  })

  it('is one whose id belongs to a run that the store forgot meanwhile', async () => {
    const { adopt } = await world([], () => ({ create: async () => false }))
    const message = 'Could not adopt the job, its id belongs to another run: run_1'
    await expect(adopt()).rejects.toMatchObject({ ...isRefusal(message), handle })
  })

  it.each(['claim', 'create'])('is one of a store whose %s() fails', async (method) => {
    const { adopt } = await world([], () => ({ [method]: down }))
    await expect(adopt()).rejects.toMatchObject(isDown('Could not adopt the job, the store is down: run_1'))
  })
})

describe('the request of a job that is adopted', () => {
  it('identifies its run', async () => {
    const request = { ...REQUEST, durationSeconds: 8 }
    const { adopt, memory } = await world()
    await adopt({ request })
    const { fingerprint } = stateOf('run_2', { request })
    expect((await memory.load('run_1'))?.state).toMatchObject({ fingerprint, request })
  })
})
