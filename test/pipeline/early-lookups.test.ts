import { describe, expect, it } from 'vitest'
import {
  type Clock,
  memoryStore,
  SoraPipeline,
  SubmissionUnknownError,
  type TaskGenerator,
  UpstreamHttpError,
} from '../../src/index.js'
import { type FakeTaskGeneratorOptions, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat playing piano' }
const lost = new SubmissionUnknownError('Could not learn the outcome: host')
const SETTLE_MS = 130_000
const X = { id: 'x' }
const Y = { id: 'y' }

/** An upstream that lists jobs from given instants, in milliseconds from the start, and when it was asked for them. */
function make(listedAt: readonly (readonly [number, object])[], options: FakeTaskGeneratorOptions = {}) {
  const clock = manualClock()
  const began = clock.now()
  const store = memoryStore({ clock })
  const submission = { idempotency: 'none', lookup: 'fingerprint', settleMs: SETTLE_MS } as const
  const fake = fakeTaskGenerator({ name: 'first', submission, starts: [lost, lost], polls: 1, ...options })
  const finds: number[] = []
  const find = async () => {
    const at = clock.now() - began
    finds.push(at)
    return listedAt.filter(([from]) => from <= at).map(([, job]) => job as { id: string })
  }
  const use = (more: Partial<TaskGenerator> = {}, time: Clock = clock) =>
    new SoraPipeline({ generator: { ...fake, find, ...more }, store, clock: time, pollSchedule: () => 1000 })
  const jobOf = async (id: string) => (await store.load(id))?.state.submission as { handle?: { operation: unknown } }
  return { clock, store, fake, finds, use, jobOf }
}

describe('a submission that has not settled', () => {
  it.each([
    [0, [2000]],
    [2001, [2000, 10_000]],
    [10_001, [2000, 10_000, 30_000]],
    [30_001, [2000, 10_000, 30_000, SETTLE_MS]],
  ])('has its job, which is listed after %i ms, by the lookups at %j', async (listedMs, expected) => {
    const { clock, fake, finds, use, jobOf } = make([[listedMs, X]])
    const run = use().run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(finds).toEqual(expected)
    expect(fake.startCount).toBe(1)
    expect(await jobOf('run_1')).toMatchObject({ handle: { operation: X } })
  })

  it('is not sent again for three empty lists: two more must follow once it has settled', async () => {
    const { clock, fake, finds, use } = make([], { starts: [lost] })
    const run = use().run(request)
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(finds).toEqual([2000, 10_000, 30_000, SETTLE_MS, SETTLE_MS + 2000])
    expect((fake.calls[1]?.at ?? 0) - (fake.calls[0]?.at ?? 0)).toBe(SETTLE_MS + 2000)
  })

  it('is looked up at the same times in single steps', async () => {
    const { clock, finds, use } = make([], { starts: [lost] })
    await use().create(request, { id: 'run_1' })
    for (let seconds = 0; seconds < 140; seconds += 1) {
      await clock.runUntil(use().advance('run_1'))
      await clock.advance(1000)
    }
    expect(finds).toEqual([2000, 10_000, 30_000, SETTLE_MS, SETTLE_MS + 2000])
  })

  it.each<[string, Partial<TaskGenerator> | undefined, readonly (readonly [number, object])[]]>([
    ['a list that proves nothing', { find: async () => 'unclear' }, []],
    ['two jobs', undefined, [[0, X] as const, [0, Y] as const]],
  ])('does not go to a person for %s before it has settled', async (_, change, listed) => {
    const { clock, fake, use } = make(listed)
    const began = clock.now()
    const run = use(change).run(request)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect(clock.now() - began).toBe(SETTLE_MS)
    expect(fake.startCount).toBe(1)
  })

  it('is not looked up before the time that the upstream requests', async () => {
    const busy = new UpstreamHttpError('Could not submit: host', { status: 500, retryAfterMs: 5000 })
    const { clock, finds, use } = make([[6000, X]], { starts: [busy] })
    await clock.runUntil(use().run(request).result)
    expect(finds).toEqual([5000, 10_000])
  })

  it('is looked up again at the next time when a lookup fails', async () => {
    const { clock, fake, use } = make([])
    const began = clock.now()
    const times: number[] = []
    const find: NonNullable<TaskGenerator['find']> = async () => {
      times.push(clock.now() - began)
      if (times.length === 1) throw new Error('down')
      return [X]
    }
    const { warnings } = await clock.runUntil(use({ find }).run(request).result)
    expect(warnings).toMatchObject([{ code: 'lookup-failed' }])
    expect([times, fake.startCount]).toEqual([[2000, 10_000], 1])
  })

  it.each([3_600_000, -3_600_000])('has not settled because the wall clock steps by %i ms', async (stepMs) => {
    const { clock, finds, fake, use } = make([[100_000, X]])
    let step = 0
    const time = { ...clock, now: () => clock.now() + step }
    const run = use({}, time).run(request)
    await clock.advance(5000)
    step = stepMs
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(finds).toEqual([2000, 10_000, 30_000, SETTLE_MS])
    expect(fake.startCount).toBe(1)
  })

  it('has its job two seconds after another process took over from one that died while it submitted', async () => {
    const { clock, store, fake, finds, use, jobOf } = make([[0, X]])
    const dead = manualClock({ now: clock.now() })
    const hanging = { ...fake, start: () => new Promise<never>(() => undefined) }
    new SoraPipeline({ generator: hanging, store, clock: dead }).run(request, { id: 'run_1' })
    await dead.advance(10)
    await clock.advance(20_000)
    const run = use().resume('run_1')
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(finds).toHaveLength(1)
    expect(finds[0]).toBeLessThanOrEqual(33_000)
    expect([fake.startCount, await jobOf('run_1')]).toMatchObject([0, { handle: { operation: X } }])
  })
})

describe('identical submissions that have not settled', () => {
  it('have one job each as soon as both are listed', async () => {
    const { clock, fake, finds, use, jobOf } = make([
      [0, X],
      [0, Y],
    ])
    const runs = ['run_1', 'run_2'].map((id) => use().run(request, { id }))
    for (const { result } of runs)
      await expect(clock.runUntil(result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(Math.max(...finds)).toBeLessThanOrEqual(10_000)
    const jobs = await Promise.all(runs.map(({ id }) => jobOf(id)))
    expect(new Set(jobs.map((job) => JSON.stringify(job.handle?.operation)))).toEqual(
      new Set([JSON.stringify(X), JSON.stringify(Y)]),
    )
    expect(fake.startCount).toBe(2)
  })

  it('do not pay a third time when the list shows the job of the later one after the earlier one has settled', async () => {
    // The job of the first is listed at 101 s; that of the second, sent at 100 s, at 200 s.
    const { clock, fake, use, jobOf } = make([
      [101_000, X],
      [200_000, Y],
    ])
    const first = use().run(request, { id: 'run_1' })
    await clock.advance(100_000)
    const second = use().run(request, { id: 'run_2' })
    for (const { result } of [first, second])
      await expect(clock.runUntil(result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect([await jobOf('run_1'), await jobOf('run_2')]).toMatchObject([
      { handle: { operation: X } },
      { handle: { operation: Y } },
    ])
    expect(fake.startCount).toBe(2)
  })
})
