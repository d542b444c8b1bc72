import { describe, expect, it } from 'vitest'
import { followRun, memoryStore, SoraPipeline } from '../../src/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const pipelineOf = (store = memoryStore()) => new SoraPipeline({ generator: fakeTaskGenerator(), store })
const typesOf = async (events: AsyncIterable<{ readonly type: string }>) =>
  (await collect(events)).map(({ type }) => type)

describe('a run that was created, and that no process has worked on', () => {
  it('begins its events with run-started when it is cancelled', async () => {
    const store = memoryStore()
    const pipeline = pipelineOf(store)
    await pipeline.create({ prompt: 'A cat' }, { id: 'a' })
    const run = pipeline.resume('a')
    await run.cancel(new Error('No longer wanted'))
    expect(await typesOf(run)).toEqual(['run-started', 'stage-started', 'run-failed'])
    expect(await typesOf(followRun(store, 'a'))).toEqual(['run-started', 'stage-started', 'run-failed'])
    expect(await typesOf(pipelineOf(store).resume('a'))).toEqual(['run-started', 'stage-started', 'run-failed'])
  })

  it('begins its events with run-started when another process asked for the cancellation', async () => {
    const store = memoryStore()
    const pipeline = pipelineOf(store)
    await pipeline.create({ prompt: 'A cat' }, { id: 'a' })
    const followed = followRun(store, 'a')
    const events = typesOf(followed)
    const cancelled = followed.cancel(new Error('No longer wanted'))
    const requested = async () => (await store.load('a'))?.state.cancelRequest
    await expect.poll(requested).toMatchObject({ message: 'No longer wanted' })
    expect(await pipeline.advance('a')).toMatchObject({ status: 'failed' })
    await cancelled
    expect(await events).toEqual(['run-started', 'stage-started', 'run-failed'])
  })

  it('begins its events with run-started when a process resumes it', async () => {
    const store = memoryStore()
    const pipeline = pipelineOf(store)
    await pipeline.create({ prompt: 'A cat' }, { id: 'a' })
    const run = pipeline.resume('a')
    await run.result
    const types = await typesOf(run)
    expect(types.slice(0, 2)).toEqual(['run-started', 'stage-started'])
    expect(types).not.toContain('run-resumed')
    expect(await typesOf(followRun(store, 'a'))).toEqual(types)
  })

  it('begins its events with run-started once, when two processes resume it', async () => {
    const store = memoryStore()
    await pipelineOf(store).create({ prompt: 'A cat' }, { id: 'a' })
    const runs = [1, 2].map(() => pipelineOf(store).resume('a'))
    await Promise.all(runs.map(({ result }) => result))
    const types = await typesOf(followRun(store, 'a'))
    expect(types.filter((type) => type === 'run-started')).toHaveLength(1)
    expect(types[0]).toBe('run-started')
    expect(types.at(-1)).toBe('run-completed')
    for (const run of runs) expect((await typesOf(run))[0]).toBe('run-started')
  })
})
