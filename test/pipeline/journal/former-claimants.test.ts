import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline, UpstreamHttpError } from '../../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'

const gone = new UpstreamHttpError('Could not poll the job: host answered 410', { status: 410 })

/** A run that has ended with the handle of its paid job, which can be polled again afterwards. */
async function ended(owner?: string) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const generator = fakeTaskGenerator({ polls: [gone, gone, gone, { state: 'running' }] })
  const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 })
  const error = await clock.runUntil(pipeline.run({ prompt: 'A cat' }, { id: 'run_1', owner }).result).catch((e) => e)
  expect(error).toMatchObject({ code: 'upstream-http', handle: { generator: generator.name } })
  return { clock, store, generator, pipeline, handle: error.handle }
}

describe('the handle in the error of a run', () => {
  it('is adopted by a new run, which is linked to the former one and pays nothing', async () => {
    const { clock, generator, pipeline, handle } = await ended('ann')
    const run = await pipeline.adopt(handle)
    expect((await clock.runUntil(run.result)).servedBy).toBe('generator')
    expect(generator.startCount).toBe(1)
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'failed', adoptedBy: run.id })
    expect(await pipeline.get(run.id)).toMatchObject({ status: 'completed', adoptedFrom: 'run_1', owner: 'ann' })
  })

  it('is adopted once, and the former run can no longer be settled', async () => {
    const { pipeline, handle } = await ended()
    const first = await pipeline.adopt(handle)
    const conflict = { code: 'run-state', isRetryable: false }
    await expect(pipeline.adopt(handle)).rejects.toMatchObject({
      ...conflict,
      message: expect.stringContaining(`a run that is not over has it: ${first.id}`),
    })
    await expect(pipeline.settle('run_1', { operation: handle.operation })).rejects.toMatchObject({
      ...conflict,
      message: expect.stringContaining(`another run has adopted its job: ${first.id}`),
    })
  })

  it.each(['adopts', 'settles'])('has one live run when two processes adopt it, or one %s', async (other) => {
    const { store, generator, clock, pipeline, handle } = await ended()
    const second = new SoraPipeline({ generator, store, clock })
    const tries = await Promise.allSettled([
      pipeline.adopt(handle),
      other === 'adopts' ? second.adopt(handle) : second.settle('run_1', { operation: handle.operation }),
    ])
    expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(await store.due(Number.MAX_SAFE_INTEGER, 10)).toHaveLength(1)
  })

  it('is adopted again after the adopting run has ended with it, also under the id of the caller', async () => {
    const { clock, generator, store, handle } = await ended()
    const failing = fakeTaskGenerator({ name: generator.name, polls: [gone, gone, gone] })
    const other = new SoraPipeline({ generator: failing, store, clock, pollSchedule: () => 1000 })
    const second = await other.adopt(handle, { id: 'order-2' })
    await clock.runUntil(second.result).catch(() => undefined)
    const third = await other.adopt(handle)
    expect(await other.get('order-2')).toMatchObject({ adoptedFrom: 'run_1', adoptedBy: third.id })
    expect(await other.get('run_1')).toMatchObject({ adoptedBy: 'order-2' })
    expect((await clock.runUntil(third.result)).servedBy).toBe('generator')
    await expect(other.adopt(handle)).rejects.toMatchObject({ message: expect.stringContaining('a run has its video') })
  })

  it('is not adopted for another owner', async () => {
    const { pipeline, handle } = await ended('ann')
    await expect(pipeline.adopt(handle, { owner: 'bob' })).rejects.toMatchObject({
      message: expect.stringContaining('a run of another owner has it: run_1'),
    })
    expect(await pipeline.get('run_1')).not.toHaveProperty('adoptedBy')
  })

  it('is adopted after a process exited before it had created its run, a minute later', async () => {
    const { clock, pipeline, store, handle } = await ended()
    const loaded = await store.load('run_1')
    const state = { ...loaded?.state, adoptedBy: { id: 'lost', at: clock.now() } }
    await store.save('run_1', loaded?.version ?? 0, state as never)
    await expect(pipeline.adopt(handle)).rejects.toMatchObject({
      message: expect.stringContaining('another run has adopted it: lost'),
    })
    await clock.advance(60_000)
    const run = await pipeline.adopt(handle)
    expect((await clock.runUntil(run.result)).servedBy).toBe('generator')
  })
})
