import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { type FaultPlans, type Sandbox, startSandbox } from '../../src/sandbox/index.js'
import { videosApiGenerator } from '../../src/strategies/index.js'

const JOBS = 100

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 0.5 })
})
beforeEach(() => sandbox.clearFaults())
afterAll(() => sandbox.close())

/** Starts jobs together, and counts what their polls cost. */
async function play(faults: FaultPlans = {}, options: Partial<SoraPipelineOptions> = {}) {
  sandbox.setFaults(faults)
  const before = { list: count('videos.list'), retrieve: count('videos.retrieve') }
  const generator = videosApiGenerator(sandbox.videosApi)
  const resolver = { name: 'none', resolve: async () => ({ url: 'https://cdn.example/a.mp4' }) }
  const pipeline = new SoraPipeline({ generator, resolver, pollSchedule: () => 1600, ...options })
  const size = { durationSeconds: 1, size: '64x64' }
  const runs = Array.from({ length: JOBS }, (_, index) => pipeline.run({ prompt: `Cat ${index}`, ...size }))
  const ended = await Promise.all(runs.map(({ result }) => result))
  await pipeline.close()
  const ids = ended.map(({ video }) => video.id)
  expect(new Set(ids).size).toBe(JOBS)
  expect(ended.flatMap(({ warnings }) => warnings)).toEqual([])
  return { lists: count('videos.list') - before.list, polls: count('videos.retrieve') - before.retrieve }
}

const count = (endpoint: Parameters<Sandbox['requestsTo']>[0]) => sandbox.requestsTo(endpoint).length

describe('a hundred jobs on real HTTP', () => {
  it('cost less when they are swept, and all of them end with their own video', async () => {
    const { lists, polls } = await play()
    console.log({ lists, polls })
  })
})
