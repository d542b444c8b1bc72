import { expect, it } from 'vitest'
import { memoryStore, SoraPipeline } from '../../src/index.js'
import { fakePublisher, fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'
import { hangingStore, type Method, request, STORE_MS } from './hanging-store.js'

const SEEDS = Number(process.env.HANGING_SEEDS ?? 500)

const METHODS: readonly Method[] = [
  'create',
  'load',
  'save',
  'claim',
  'heartbeat',
  'report',
  'versions',
  'putMedia',
  'getMedia',
  'dropMedia',
]

/** Numbers from 0 to 1, the same for the same seed. */
function chances(seed: number): () => number {
  let state = seed * 7919
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

/** One run on a store that hangs at times; what it keeps lands late, in any order, or never. */
async function play(seed: number) {
  const chance = chances(seed)
  const clock = manualClock()
  const memory = memoryStore({ clock })
  const began = clock.now()
  const methods = METHODS.filter(() => chance() < 0.4)
  const windows = Array.from({ length: 1 + Math.floor(chance() * 3) }, () => {
    const from = chance() < 0.3 ? 0 : chance() * 50_000
    return [from, from + chance() * 40_000] as const
  })
  let isOver = false
  const { store, hung } = hangingStore(memory, (method) => {
    const at = clock.now() - began
    return !isOver && methods.includes(method) && windows.some(([from, to]) => at >= from && at < to)
  })
  const generator = fakeTaskGenerator({
    polls: Math.floor(chance() * 20),
    delayMs: chance() < 0.3 ? chance() * 5000 : 0,
  })
  const stages = { publisher: fakePublisher({ delayMs: chance() * 5000 }), uploader: fakeUploader() }
  const totalMs = chance() < 0.3 ? 20_000 + chance() * 60_000 : 3_600_000
  const shared = { ...stages, generator, clock, pollSchedule: () => 2000, deadlines: { totalMs } }
  const run = new SoraPipeline({ ...shared, store }).run(chance() < 0.5 ? request : { prompt: 'A cat' }, {
    id: 'run_1',
  })
  let cancelMs = 0
  if (chance() < 0.2) {
    clock.sleep(chance() * 60_000).then(async () => {
      const at = clock.now()
      await run.cancel()
      cancelMs = clock.now() - at
    })
  }
  const landing = (async () => {
    while (!isOver) {
      await clock.sleep(1000 + chance() * 8000)
      const [call] = hung.splice(Math.floor(chance() * hung.length), 1)
      if (chance() < 0.8) call?.land().catch(() => undefined)
      else call?.reject(new Error('ECONNRESET'))
    }
  })()
  const outcome = await clock.runUntil(
    run.result.then(
      () => 'completed',
      (error) => error.code,
    ),
  )
  const tookMs = clock.now() - began
  await clock.advance(30_000)
  const events = await collect(run)
  isOver = true
  await clock.runUntil(landing)
  for (const call of hung) if (chance() < 0.7) await call.land().catch(() => undefined)
  await clock.advance(100_000)
  // Another process, whose store works, does the remaining work.
  for (const { result } of await new SoraPipeline({ ...shared, store: memory }).recover()) {
    await clock.runUntil(result.catch(() => undefined))
  }
  const status = (await memory.load('run_1'))?.state.status
  return {
    seed,
    outcome,
    tookMs,
    totalMs,
    cancelMs,
    events,
    status,
    paid: generator.startCount,
    pending: clock.pending,
  }
}

it('a store that hangs at any time costs neither a second job nor the end of a run', async () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', note)
  const outcomes = new Set<string>()
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { events, ...seen } = await play(seed)
    const { outcome, tookMs, totalMs, cancelMs, status, paid, pending } = seen
    const shown = JSON.stringify(seen)
    outcomes.add(outcome)
    expect(paid, shown).toBeLessThanOrEqual(1)
    // Five seconds for the last poll at the deadline, one for the store, and some for what began before it.
    expect(tookMs, shown).toBeLessThanOrEqual(totalMs + 7000)
    expect(cancelMs, shown).toBeLessThanOrEqual(STORE_MS + 2600)
    expect(events.filter(({ type }) => type === 'run-completed' || type === 'run-failed')).toEqual(events.slice(-1))
    expect(status, shown).not.toBe('running')
    // What could not be saved is saved once the store is back; that keeps no process alive.
    expect(pending, shown).toBeLessThanOrEqual(1)
  }
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
  expect([...outcomes].sort()).toEqual(expect.arrayContaining(['completed', 'run-state', 'stage-timeout']))
})
