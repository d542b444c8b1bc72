import { describe, expect, it } from 'vitest'
import {
  type PollHistory,
  paceSchedule,
  SoraPipeline,
  type SoraPipelineOptions,
  type TaskGenerator,
  type UsualDuration,
  type VideoRequest,
} from '../../../src/index.js'
import { type ManualClock, manualClock } from '../../../src/testing/index.js'

const MINUTE = 60_000
const video = { id: 'v1', url: 'https://cdn.example/v1.mp4' }

/** A generator without progress, whose jobs take a time. */
function slowGenerator(clock: ManualClock, durationMs: number) {
  const polls: number[][] = []
  const generator: TaskGenerator = {
    name: 'g',
    start: async () => {
      polls.push([])
      return { operation: { number: polls.length - 1, startedAt: clock.monotonic() } }
    },
    poll: async (operation) => {
      const { number, startedAt } = operation as { number: number; startedAt: number }
      const ms = clock.monotonic() - startedAt
      polls[number]?.push(ms)
      return ms >= durationMs ? { state: 'completed', video } : { state: 'running' }
    },
  }
  return { generator, polls }
}

function play(options: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const usual: (UsualDuration | undefined)[] = []
  const schedule = paceSchedule()
  const pollSchedule = (history: PollHistory) => {
    usual.push(history.usual)
    return schedule(history)
  }
  const { generator, polls } = slowGenerator(clock, MINUTE)
  const pipeline = new SoraPipeline({ generator, clock, pollSchedule, ...options })
  const run = (request: Partial<VideoRequest> = {}) =>
    clock.runUntil(pipeline.run({ prompt: 'A cat', model: 'm', ...request }).result)
  return { pipeline, clock, polls, usual, run }
}

describe('the duration of jobs', () => {
  it('is learned after five jobs of a kind, and polls gather around the usual end', async () => {
    const { polls, usual, run } = play()
    for (let job = 0; job < 5; job += 1) await run()
    expect(usual.every((known) => known === undefined)).toBe(true)
    await run()
    const { medianMs, spread } = usual.at(-1) ?? { medianMs: 0, spread: 0 }
    expect(medianMs).toBeGreaterThan(0.95 * MINUTE)
    expect(medianMs).toBeLessThan(1.05 * MINUTE)
    expect(spread).toBe(0.05)
    const [first = [], last = []] = [polls[0], polls[5]]
    expect(last.filter((ms) => ms < 50_000).length).toBeLessThanOrEqual(3)
    expect(last.length).toBeLessThan(first.length)
    expect((last.at(-1) ?? 0) - MINUTE).toBeLessThan(2000)
  })

  it.each<Partial<VideoRequest>>([{ model: 'n' }, { size: '1280x720' }, { durationSeconds: 8 }])(
    'is that of jobs of the same kind: not for %j',
    async (other) => {
      const { usual, run } = play()
      for (let job = 0; job < 5; job += 1) await run()
      await run(other)
      expect(usual.at(-1)).toBeUndefined()
    },
  )

  it('is not learned with learnDurations: false', async () => {
    const { usual, run } = play({ learnDurations: false })
    for (let job = 0; job < 8; job += 1) await run()
    expect(usual.every((known) => known === undefined)).toBe(true)
  })

  it('is not learned from an adopted job', async () => {
    const { pipeline, clock, usual, run } = play()
    for (let job = 0; job < 5; job += 1) {
      const operation = { number: 0, startedAt: clock.monotonic() }
      const adopted = await pipeline.adopt({ generator: 'g', operation, startedAt: clock.now() })
      await clock.runUntil(adopted.result)
    }
    await run({ model: undefined })
    expect(usual.every((known) => known === undefined)).toBe(true)
  })
})
