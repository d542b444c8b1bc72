import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline } from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { SERVERS, startQueueServer } from './queue-server.js'

describe.each(SERVERS)('a queue on %s that is gone', (kind, isSkipped) => {
  it.skipIf(isSkipped)('keeps neither a worker nor a runner from closing', async () => {
    const server = await startQueueServer(kind)
    const { at } = await server.site('away')
    const pipelineOf = () => new SoraPipeline({ generator: fakeTaskGenerator({ polls: 1000 }), store: memoryStore() })
    const worker = createWorker(pipelineOf(), { ...at, onError: () => undefined })
    const runner = createQueueRunner(pipelineOf(), { ...at, onError: () => undefined })
    await Promise.all([worker.ready, runner.ready])
    await server.close()
    await expect(Promise.all([worker.close({ graceMs: 100 }), runner.close()])).resolves.toHaveLength(2)
    expect(runner.isClosing).toBe(true)
  })
})
