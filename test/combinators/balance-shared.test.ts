import { describe, expect, it } from 'vitest'
import {
  AuthenticationError,
  balance,
  ConfigurationError,
  GenerationFailedError,
  type Generator,
  memoryStore,
  RateLimitError,
  RunStateError,
  type RunStore,
  type SharedLimitOptions,
  SoraPipeline,
  withRetry,
} from '../../src/index.js'
import { fileStore } from '../../src/stores/index.js'
import { type FakeTaskGenerator, fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat' }
const forever = Number.POSITIVE_INFINITY
const MINUTE = 60_000
const limited = new RateLimitError('Could not create, too many requests: host', { retryAfterMs: MINUTE })
const refusedKey = new AuthenticationError('Could not create, the key was refused: host')

/** Machines with generators of their own over one store, and how many jobs are open at the upstream. */
function machines({
  count = 2,
  polls = 4,
  starts,
  limits = { concurrency: 1 },
  change = (store) => store,
}: {
  readonly count?: number
  readonly polls?: number
  readonly starts?: readonly (readonly ('accepted' | Error)[])[]
  readonly limits?: Omit<SharedLimitOptions, 'shared'> & { readonly concurrency?: number }
  readonly change?: (store: RunStore) => RunStore
}) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const seen = { open: 0, most: 0, startedAt: [] as number[] }
  let jobs = 0
  const machine = (index: number) => {
    const fake = fakeTaskGenerator({ name: 'a', polls, starts: starts?.[index] })
    const generator = counted(fake)
    const pipeline = new SoraPipeline({
      generator: balance([generator], { ...limits, shared: change(store) }),
      store,
      clock,
      pollSchedule: () => 1000,
    })
    return { fake, pipeline }
  }
  // A job is open from its submission until a poll reports its end.
  const counted = (fake: FakeTaskGenerator): Generator => ({
    ...fake,
    start: async (...given) => {
      const started = await fake.start(...given)
      seen.open += 1
      seen.most = Math.max(seen.most, seen.open)
      seen.startedAt.push(clock.monotonic())
      jobs += 1
      return { ...started, operation: { id: `task_${jobs}` } }
    },
    poll: async (operation, context) => {
      const status = await fake.poll(operation, context)
      if (status.state === 'completed' || status.state === 'failed') seen.open -= 1
      return status
    },
  })
  return { clock, store, seen, all: Array.from({ length: count }, (_, index) => machine(index)) }
}

describe('balance with shared limits', () => {
  it('keeps the concurrency of a generator over all processes, and runs every job', async () => {
    const { clock, seen, all } = machines({ limits: { concurrency: 2 }, count: 3 })
    const runs = all.flatMap(({ pipeline }) => [1, 2, 3].map(() => pipeline.run(request)))
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    expect(seen).toMatchObject({ open: 0, most: 2 })
    expect(all.map(({ fake }) => fake.startCount)).toEqual([3, 3, 3])
  })

  it('keeps the rate over all processes', async () => {
    const rate = { jobs: 2, perMs: MINUTE }
    const { clock, seen, all } = machines({ limits: { rate } })
    const runs = all.flatMap(({ pipeline }) => [1, 2, 3].map(() => pipeline.run(request)))
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    for (const [index, at] of seen.startedAt.entries()) {
      const before = seen.startedAt[index - 2]
      if (before !== undefined) expect(at - before).toBeGreaterThanOrEqual(MINUTE)
    }
    expect(seen.startedAt).toHaveLength(6)
  })

  it('leaves a generator everywhere while its upstream asked one process to wait', async () => {
    const { clock, seen, all } = machines({ starts: [[limited, 'accepted']] })
    const [here, there] = all
    const first = here?.pipeline.run(request)
    await expect(first?.result).rejects.toThrow('too many requests')
    const second = there?.pipeline.run(request)
    await clock.advance(MINUTE - 1)
    expect(there?.fake.startCount).toBe(0)
    await clock.runUntil(second?.result ?? Promise.reject())
    expect(seen.startedAt[0]).toBeGreaterThanOrEqual(MINUTE)
  })

  it('does not share a refused key, which another process may not have', async () => {
    const { clock, all } = machines({ starts: [[refusedKey]] })
    const [here, there] = all
    await expect(here?.pipeline.run(request).result).rejects.toThrow('the key was refused')
    await clock.runUntil(there?.pipeline.run(request).result ?? Promise.reject())
    expect(there?.fake.startCount).toBe(1)
  })

  it('does not hold a run that is advanced while it waits: it is due again later, and nothing was saved as sent', async () => {
    const { clock, store, all } = machines({})
    const [here, there] = all.map(({ pipeline }) => pipeline)
    for (const id of ['first', 'second']) await here?.create(request, { id })
    await here?.advance('first')
    const { version } = (await store.load('second')) ?? {}
    const waiting = await there?.advance('second')
    expect(waiting).toMatchObject({ status: 'running', isAttended: false })
    expect(waiting?.wakeAt).toBeGreaterThanOrEqual(clock.now() + 500)
    expect(await there?.inspect('second')).toMatchObject({ submission: { state: 'ready' } })
    expect((await store.load('second'))?.version).toBe(version)
    // The place of the first run stays its own between its steps, whichever process takes them.
    const ends: string[] = []
    while (ends.length < 2) {
      await clock.advance(1000)
      for (const id of ['second', 'first']) {
        const { status } = (await there?.advance(id)) ?? {}
        if (status === 'completed' && !ends.includes(id)) ends.push(id)
      }
    }
    expect(ends).toEqual(['first', 'second'])
  })

  it('spreads a crowd of runs that wait and are advanced, so that it costs 20 steps a second', async () => {
    const { clock, all } = machines({ polls: forever })
    const [{ pipeline } = {}] = all
    const ids = Array.from({ length: 101 }, (_, index) => `run_${index}`)
    const wakes: number[] = []
    for (const id of ids) {
      await pipeline?.create(request, { id })
      wakes.push(((await pipeline?.advance(id))?.wakeAt ?? 0) - clock.now())
    }
    wakes.shift() // It has the place.
    expect(wakes.at(0)).toBeLessThanOrEqual(1000)
    for (const [index, wake] of wakes.entries()) expect(wake - (wakes[index - 1] ?? 0)).toBeGreaterThanOrEqual(49)
    expect(wakes.at(-1)).toBeLessThan(100 * 50 + 1000)
  })

  it('keeps the place of a job that takes longer than the lease', async () => {
    const { clock, seen, all } = machines({ polls: 200 })
    const runs = all.map(({ pipeline }) => pipeline.run(request))
    await clock.runUntil(Promise.all(runs.map(({ result }) => result)))
    expect(seen).toMatchObject({ open: 0, most: 1 })
  })

  it('frees the place of a process that was killed after its lease, and not before', async () => {
    const { clock, store, seen, all } = machines({ limits: { concurrency: 1, leaseMs: MINUTE } })
    await store.takeSlot?.('generator:a', 'run of a killed process', { most: 1, ttlMs: MINUTE })
    const { result } = all[0]?.pipeline.run(request) ?? {}
    await clock.runUntil(result ?? Promise.reject())
    expect(seen.startedAt[0]).toBeGreaterThanOrEqual(MINUTE)
    expect(seen.startedAt[0]).toBeLessThan(MINUTE + 2000)
  })

  it.each([
    ['failed', new GenerationFailedError('The model is broken'), 1],
    ['accepted after a refusal', limited, 2],
  ])('frees the place of a job that %s', async (_, error, startCount) => {
    const clock = manualClock()
    const store = memoryStore({ clock })
    const fake = fakeTaskGenerator({ name: 'a', starts: [error, 'accepted'] })
    const generator = balance([startCount > 1 ? withRetry(fake, { maxRetryAfterMs: MINUTE }) : fake], {
      concurrency: 1,
      shared: store,
    })
    const pipeline = new SoraPipeline({ generator, store, clock })
    await clock.runUntil(pipeline.run(request).result.catch(() => undefined))
    await clock.advance(2 * MINUTE)
    expect(fake.startCount).toBe(startCount)
    expect(await store.takeSlot?.('generator:a', 'other', { most: 1, ttlMs: 1 })).toMatchObject({ isTaken: true })
  })

  it('frees the place of a run that was aborted', async () => {
    const { clock, store, all } = machines({ polls: forever })
    const run = all[0]?.pipeline.run(request)
    await clock.advance(2500)
    await run?.cancel()
    await clock.advance(0)
    expect(await store.takeSlot?.('generator:a', 'other', { most: 1, ttlMs: 1 })).toMatchObject({ isTaken: true })
  })

  it('waits through a short failure of the store, and sends nothing without a place', async () => {
    let failures = 3
    const change = (store: RunStore): RunStore => ({
      ...store,
      takeSlot: async (...given) => {
        failures -= 1
        if (failures >= 0) throw new Error('connection lost')
        return (store.takeSlot as NonNullable<RunStore['takeSlot']>)(...given)
      },
    })
    const { clock, all, seen } = machines({ change })
    await clock.runUntil(all[0]?.pipeline.run(request).result ?? Promise.reject())
    expect(seen.startedAt[0]).toBeGreaterThan(1500)
  })

  it('fails with a retryable error while the store stays away, and the run stays in the store', async () => {
    const down = async () => {
      throw new Error('connection lost')
    }
    const { clock, store, all } = machines({ change: (shared) => ({ ...shared, takeSlot: down }) })
    const run = all[0]?.pipeline.run(request, { id: 'kept' })
    const error = await clock.runUntil(run?.result.catch((thrown: unknown) => thrown) ?? Promise.reject())
    expect(error).toBeInstanceOf(RunStateError)
    expect(error).toMatchObject({ isRetryable: true, message: expect.stringContaining('the shared store is down') })
    expect((await store.load('kept'))?.state).toMatchObject({ status: 'running', submission: { state: 'ready' } })
    await all[0]?.pipeline.create(request, { id: 'advanced' })
    await expect(all[0]?.pipeline.advance('advanced')).rejects.toThrow('the shared store is down')
    expect(all[0]?.fake.startCount).toBe(0)
  })

  it('warns when a place could not be kept', async () => {
    const change = (store: RunStore): RunStore => ({ ...store, keepSlots: () => Promise.reject(new Error('lost')) })
    const { clock, all } = machines({ polls: 60, change })
    const { warnings } = await clock.runUntil(all[0]?.pipeline.run(request).result ?? Promise.reject())
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'store-unavailable' }))
  })

  it.each<[string, (store: RunStore) => unknown, string]>([
    ['a store without places', () => balanceOf({ shared: fileStore({ directory: './never-made' }) }), 'postgresStore'],
    ['a rate without a store', () => balanceOf({ rate: { jobs: 1, perMs: 1000 } }), 'give shared as well'],
    ['a lease without a store', () => balanceOf({ leaseMs: 5000 }), 'give shared as well'],
    ['a lease that is too short', (shared) => balanceOf({ shared, leaseMs: 10 }), 'leaseMs'],
    ['a rate without a period', (shared) => balanceOf({ shared, rate: { jobs: 1 } }), 'rate.perMs'],
    [
      'too many rates',
      (shared) => balanceOf({ shared, rate: [1, 2].map((jobs) => ({ jobs, perMs: 1 })) }),
      'one for each',
    ],
    ['strategies of another stage', (shared) => balance([fakeUploader()], { shared }), 'give generators'],
  ])('refuses %s', (_, make, text) => {
    expect(() => make(memoryStore())).toThrow(ConfigurationError)
    expect(() => make(memoryStore())).toThrow(text)
  })
})

function balanceOf(options: object): unknown {
  return balance([fakeTaskGenerator({ name: 'a' })], options)
}
