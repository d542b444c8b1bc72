import { describe, expect, it } from 'vitest'
import {
  NetworkError,
  type PollHistory,
  QuotaExceededError,
  SoraPipeline,
  type SoraPipelineOptions,
  type TaskStatus,
  UpstreamHttpError,
} from '../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat' }
const noCredit = new QuotaExceededError('Could not poll, the account has no credit: host')
const http = (status: number) => new UpstreamHttpError(`Could not poll, HTTP ${status}: host`, { status })
const running: TaskStatus = { state: 'running' }

function play(options: Parameters<typeof fakeTaskGenerator>[0], more: Partial<SoraPipelineOptions> = {}) {
  const clock = manualClock()
  const generator = fakeTaskGenerator({ name: 'g', ...options })
  const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000, ...more }).run(request)
  return { clock, generator, run, ended: clock.runUntil(run.result) }
}

const never = { name: 'g', start: async () => ({ operation: 1 }), poll: () => new Promise<never>(() => undefined) }

describe('a job that is polled', () => {
  it('reports progress that never goes back, whatever its upstream reports', async () => {
    const ratios = [0.8, 0.3, 0.5, 0.9, 0.1]
    const { run, ended } = play({ polls: ratios.map((ratio): TaskStatus => ({ state: 'running', ratio })) })
    await ended
    const seen = (await collect(run)).flatMap((event) => (event.type === 'stage-progressed' ? [event.ratio] : []))
    expect(seen.filter((ratio) => ratio !== undefined)).toEqual([0.8, 0.8, 0.8, 0.9, 0.9])
  })

  it('is given up at the third failure in a row that does not pass, and not before', async () => {
    const gone = http(410)
    const patient = play({ polls: [gone, gone, running, gone, gone] })
    await expect(patient.ended).resolves.toMatchObject({ servedBy: 'generator' })
    expect(patient.generator.pollCount).toBe(6)
    const lost = play({ polls: [gone, gone, gone] })
    await expect(lost.ended).rejects.toBe(gone)
    expect(lost.generator.pollCount).toBe(3)
  })

  it.each([302, 303, 307])(
    'is not given up while a gateway answers %i, such as to a page of a sign-in',
    async (status) => {
      const { ended, generator } = play({ polls: Array.from({ length: 9 }, () => http(status)) })
      expect((await ended).warnings).toMatchObject([{ code: 'poll-missed' }])
      expect(generator.pollCount).toBe(10)
    },
  )

  it('is given up at the third permanent redirect', async () => {
    const { ended, generator } = play({ polls: Array.from({ length: 9 }, () => http(301)) })
    await expect(ended).rejects.toMatchObject({ status: 301 })
    expect(generator.pollCount).toBe(3)
  })

  it('is not given up while its account is empty', async () => {
    const { ended, generator } = play({ polls: [noCredit, noCredit, noCredit, noCredit] })
    expect((await ended).warnings).toMatchObject([{ code: 'poll-refused' }])
    expect(generator.pollCount).toBe(5)
  })

  it('is reported once for each row of misses, with the code of the first', async () => {
    const { ended } = play({ polls: [http(500), http(502), running, http(503)] })
    expect((await ended).warnings).toMatchObject([
      { code: 'poll-missed', message: 'Could not poll, HTTP 500: host (upstream-http)', stage: 'generate' },
      { code: 'poll-missed', message: 'Could not poll, HTTP 503: host (upstream-http)', stage: 'generate' },
    ])
  })

  it('may be unknown to its upstream for a minute, not for longer', async () => {
    const missing = Array.from({ length: 9 }, () => http(404))
    const { generator, ended, clock, run } = play({ polls: missing }, { pollSchedule: () => 30_000 })
    const from = clock.now()
    await expect(ended).rejects.toMatchObject({ status: 404 })
    // The misses at 60, 90 and 120 s count.
    expect(generator.pollCount).toBe(4)
    expect((await collect(run)).at(-1)?.at).toBe(from + 120_000)
  })

  it.each([400, 405, 410, 501])(
    'ends at the third poll for any other lasting failure, also when it is new: %i',
    async (status) => {
      const { generator, ended } = play({ polls: Array.from({ length: 9 }, () => http(status)) })
      await expect(ended).rejects.toMatchObject({ status })
      expect(generator.pollCount).toBe(3)
    },
  )

  it.each([
    ['no such host', new NetworkError('Could not poll, no such host: host', { isRetryable: false })],
    ['an overload', http(503)],
    ['an error of another library', new TypeError('fetch failed')],
    ['a refusal of a proxy on the way', http(407)],
    ['a conflict of the moment', http(409)],
    ['a tunnel that is down', http(530)],
    ['a network that wants a sign-in', http(511)],
  ])('outlasts whatever keeps its upstream from being reached, such as %s', async (_, unreachable) => {
    const { generator, ended } = play({ polls: Array.from({ length: 9 }, () => unreachable) })
    await expect(ended).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.pollCount).toBe(10)
  })

  it('is waited for no longer than half a minute a time, nor longer than five seconds at the deadline', async () => {
    const clock = manualClock()
    const from = clock.now()
    const pipeline = new SoraPipeline({
      generator: never,
      clock,
      pollSchedule: () => 1000,
      deadlines: { generateMs: 40_000 },
    })
    const run = pipeline.run(request)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'stage-timeout',
      message:
        'Could not generate with g in time: 40000 ms, ' +
        'the last poll failed: Could not poll g, no answer within: 5000 ms',
      timeoutMs: 40_000,
      handle: { generator: 'g', operation: 1 },
    })
    const events = await collect(run)
    expect(events.filter(({ type }) => type === 'warning')).toMatchObject([
      { at: from + 31_000, message: 'Could not poll g, no answer within: 30000 ms (network)' },
    ])
    expect(events.filter(({ type }) => type === 'attempt-failed')).toMatchObject([
      { at: from + 45_000, strategy: 'g', durationMs: 45_000, error: { code: 'stage-timeout' } },
    ])
    expect(events.filter(({ type }) => type === 'stage-failed')).toMatchObject([
      { stage: 'generate', strategy: 'g', durationMs: 45_000 },
    ])
  })

  it('does not count as a missed poll when the run was aborted meanwhile', async () => {
    const clock = manualClock()
    const run = new SoraPipeline({ generator: never, clock, pollSchedule: () => 1000 }).run(request)
    await clock.advance(1500)
    await run.cancel('enough')
    await expect(run.result).rejects.toBe('enough')
    expect((await collect(run)).filter(({ type }) => type === 'warning')).toEqual([])
  })

  it('reports to the schedule when it was polled, what it answered, and how long that took', async () => {
    const seen: PollHistory[] = []
    const polls: (TaskStatus | Error)[] = [{ state: 'running', ratio: 0.5 }, http(500), { state: 'queued' }]
    const pollSchedule = (history: PollHistory) => {
      seen.push(structuredClone(history))
      return 1000
    }
    await play({ polls, delayMs: 300 }, { pollSchedule }).ended
    expect(seen.map(({ roundTripMs }) => roundTripMs)).toEqual([0, 300, 300, 300])
    expect(seen.at(-1)?.readings).toEqual([{ atMs: 0 }, { atMs: 1300, ratio: 0.5 }, { atMs: 2600 }, { atMs: 3900 }])
  })

  it('reports to the schedule the first, the latest and every move of a long row of polls, and little else', async () => {
    let latest: PollHistory | undefined
    const pollSchedule = (history: PollHistory) => {
      latest = history
      return 1000
    }
    const polls = Array.from(
      { length: 500 },
      (_, index): TaskStatus => ({
        state: 'running',
        ratio: Math.floor(index / 100) / 10,
      }),
    )
    await play({ polls }, { pollSchedule }).ended
    const readings = latest?.readings ?? []
    expect(readings.length).toBeLessThanOrEqual(121)
    expect(readings[0]).toEqual({ atMs: 0 })
    expect(readings.slice(-60).map(({ atMs }) => atMs)).toEqual(
      Array.from({ length: 60 }, (_, at) => 441_000 + 1000 * at),
    )
    // Half of those in between that say nothing new went, again and again; none is reported twice or out of order.
    const times = readings.map(({ atMs }) => atMs)
    expect(readings.length).toBeGreaterThan(65)
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
    for (const move of [101, 201, 301, 401]) expect(readings.map(({ atMs }) => atMs)).toContain(1000 * move)
  })

  it('reports to the schedule every second of a row of polls that only move', async () => {
    let latest: PollHistory | undefined
    const pollSchedule = (history: PollHistory) => {
      latest = history
      return 1000
    }
    const polls = Array.from({ length: 120 }, (_, index): TaskStatus => ({ state: 'running', ratio: index / 120 }))
    await play({ polls }, { pollSchedule }).ended
    const times = latest?.readings.map(({ atMs }) => atMs / 1000) ?? []
    const even = Array.from({ length: 31 }, (_, at) => 2 * at)
    expect(times).toEqual([...even, ...Array.from({ length: 60 }, (_, at) => 61 + at)])
  })
})
