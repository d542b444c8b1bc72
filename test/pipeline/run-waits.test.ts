import { afterEach, expect, it, vi } from 'vitest'
import { SoraPipeline } from '../../src/index.js'

afterEach(() => {
  vi.useRealTimers()
})

it('any number of waiting runs of a pipeline share one timer of the process', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })
  let starts = 0
  let polls = 0
  const generator = {
    name: 'waiting',
    start: async () => {
      starts += 1
      return { operation: { id: `job_${starts}` } }
    },
    poll: async () => {
      polls += 1
      return { state: 'running' as const }
    },
  }
  const pipeline = new SoraPipeline({ generator, pollSchedule: () => 60_000 })
  const runs = Array.from({ length: 200 }, () => pipeline.run({ prompt: 'A cat' }))
  await vi.advanceTimersByTimeAsync(1000)
  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(60_000)
  expect([polls, vi.getTimerCount()]).toEqual([200, 1])
  await Promise.all(runs.map((run) => run.cancel('enough')))
  await pipeline.close()
  expect(vi.getTimerCount()).toBe(0)
})
