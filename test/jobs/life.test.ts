import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { fakeTaskGenerator, fakeUploader } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'
import { type QueueServer, SERVERS, startQueueServer } from './queue-server.js'

describe.each(SERVERS)('a queue on %s', (kind, isSkipped) => {
  let server: QueueServer

  beforeAll(async () => {
    if (!isSkipped) server = await startQueueServer(kind)
  })
  afterAll(() => server?.close())

  it.skipIf(isSkipped)('takes a run from its request to its URL', async () => {
    const { store, at, queue } = await server.site('life')
    const generator = fakeTaskGenerator()
    const errors: unknown[] = []
    const onError = (error: unknown) => errors.push(error)
    const pipelineHere = new SoraPipeline({ generator, uploader: fakeUploader(), store })
    const pipelineThere = new SoraPipeline({ generator, uploader: fakeUploader(), store })
    await using runner = createQueueRunner(pipelineHere, { ...at, onError })
    await using worker = createWorker(pipelineThere, { ...at, onError })
    await worker.ready
    const run = runner.run({ prompt: 'A cat' }, { id: 'run:1', owner: 'ada' })
    const events = await collect(run)
    const result = await run.result
    expect(result).toMatchObject({ runId: 'run:1', servedBy: 'uploader' })
    expect(events.at(-1)).toMatchObject({ type: 'run-completed' })
    expect(await runner.get('run:1')).toMatchObject({ status: 'completed', owner: 'ada' })
    expect(await runner.list({ owner: 'ada' })).toHaveLength(1)
    await expect.poll(() => queue.getJobCountByTypes()).toBe(0)
    expect(errors).toEqual([])
  })
})
