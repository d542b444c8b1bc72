import { expect, it } from 'vitest'
import { InvalidRequestError, memoryStore, SoraPipeline } from '../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

function pipelineOf() {
  const clock = manualClock()
  const generator = fakeTaskGenerator()
  const store = memoryStore({ clock })
  return { clock, generator, store, pipeline: new SoraPipeline({ generator, store, clock, pollSchedule: () => 1000 }) }
}

it('saves a run that no worker holds and that is due at once, and does not work on it', async () => {
  const { clock, generator, store, pipeline } = pipelineOf()
  const record = await pipeline.create({ prompt: 'A cat' }, { id: 'run_1', owner: 'ada' })
  expect(record).toMatchObject({ id: 'run_1', owner: 'ada', status: 'running', isAttended: false, stage: 'generate' })
  await clock.advance(60_000)
  expect(generator.startCount).toBe(0)
  expect((await store.load('run_1'))?.state.worker).toBeUndefined()
  expect(await pipeline.due()).toEqual(['run_1'])
})

it('completes by calls of advance, each of which reports when to call again', async () => {
  const { clock, generator, pipeline } = pipelineOf()
  const { id } = await pipeline.create({ prompt: 'A cat' })
  let record = await pipeline.advance(id)
  for (let steps = 0; record.status === 'running' && steps < 10; steps += 1) {
    await clock.advance(Math.max(0, record.wakeAt - clock.now()))
    record = await pipeline.advance(id)
  }
  expect(record).toMatchObject({ id, status: 'completed', result: { servedBy: 'generator' } })
  expect(await pipeline.get(id)).toEqual(record)
  expect(generator.startCount).toBe(1)
})

it('leaves the run of a known id unchanged, and refuses another request, another owner and a wrong option', async () => {
  const { pipeline, store } = pipelineOf()
  const first = await pipeline.create({ prompt: 'A cat' }, { id: 'run_1' })
  expect(await pipeline.create({ prompt: 'A cat' }, { id: 'run_1' })).toEqual(first)
  expect((await store.load('run_1'))?.version).toBe(1)
  await expect(pipeline.create({ prompt: 'A dog' }, { id: 'run_1' })).rejects.toThrow('different request')
  await expect(pipeline.create({ prompt: 'A cat' }, { id: 'run_1', owner: 'ada' })).rejects.toThrow('another owner')
  await expect(pipeline.create({ prompt: '' })).rejects.toThrow(InvalidRequestError)
  const options: object = { signal: new AbortController().signal }
  await expect(pipeline.create({ prompt: 'A cat' }, options)).rejects.toThrow('signal is unknown')
  await pipeline.close()
  await expect(pipeline.create({ prompt: 'A cat' })).rejects.toThrow('the pipeline is closed')
})

it('is joined by run, which then works on it', async () => {
  const { clock, pipeline } = pipelineOf()
  await pipeline.create({ prompt: 'A cat' }, { id: 'run_1' })
  const run = pipeline.run({ prompt: 'A cat' }, { id: 'run_1' })
  await clock.runUntil(run.result)
  expect(await pipeline.get('run_1')).toMatchObject({ status: 'completed' })
})
