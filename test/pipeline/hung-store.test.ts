import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'
import { hangingStore, type Method, type Phase, phaseWatch } from './hanging-store.js'

const request = { prompt: 'A cat', image: { bytes: Buffer.from('pixels'), mediaType: 'image/png' } }
const TOTAL_MS = 120_000
const STORE_MS = 10_000

const unhandled: unknown[] = []
const note = (reason: unknown) => unhandled.push(reason)
beforeAll(() => {
  process.on('unhandledRejection', note)
})
afterAll(() => {
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

/** A run of a task with an image and an uploader, on a store that hangs in some methods from a phase on. */
function world(
  hangs: (method: Method) => boolean,
  phase: Phase,
  more: Partial<SoraPipelineOptions> & { readonly forMs?: number } = {},
) {
  const { forMs = Number.POSITIVE_INFINITY, ...options } = more
  const clock = manualClock()
  const memory = memoryStore({ clock })
  const watch = phaseWatch(phase)
  let since: number | undefined
  const { store, hung } = hangingStore(memory, (method, given) => {
    watch.see(method, given)
    if (watch.hasReached()) since ??= clock.now()
    return since !== undefined && clock.now() < since + forMs && hangs(method)
  })
  const generator = fakeTaskGenerator({ polls: 8 })
  const uploader = fakeUploader({ delayMs: 3000 })
  const pipeline = new SoraPipeline({
    generator,
    uploader,
    store,
    clock,
    pollSchedule: () => 2000,
    deadlines: { totalMs: TOTAL_MS },
    ...options,
  })
  return { clock, memory, hung, generator, uploader, pipeline, began: clock.now(), options: { generator, uploader, clock, pollSchedule: () => 2000 } }
}

async function eventsOf(run: Parameters<typeof collect>[0]) {
  const events = (await collect(run)) as { type: string }[]
  const terminal = events.filter(({ type }) => type === 'run-completed' || type === 'run-failed')
  expect(terminal).toHaveLength(1)
  expect(events.at(-1)).toBe(terminal[0])
  return events
}

const METHODS: readonly Method[] = ['create','load','save','claim','heartbeat','report','versions','putMedia','getMedia','dropMedia','retire','due','list','reschedule']
const PHASES: readonly Phase[] = ['opening', 'submitting', 'polling', 'later', 'ending']
const NEEDED: Readonly<Record<Phase, readonly Method[]>> = {
  opening: ['create', 'load', 'save', 'heartbeat', 'putMedia', 'getMedia'],
  submitting: ['save'],
  polling: [], later: [], ending: [],
}

describe('a store that hangs', () => {
  const cells = PHASES.flatMap((phase) => [...METHODS, 'all' as const].map((method) => [method, phase] as const))
  it.each(cells)('for good in %s from %s on', async (method, phase) => {
    const { clock, pipeline, generator, began } = world((called) => method === 'all' || called === method, phase)
    const run = pipeline.run(request, { id: 'run_1' })
    const isNeeded = method === 'all' ? NEEDED[phase].length > 0 : NEEDED[phase].includes(method)
    const outcome = await clock.runUntil(run.result.then((r) => r.url, (e) => e))
    const tookMs = clock.now() - began
    await clock.advance(0)
    const ev = await eventsOf(run)
    console.log(method, phase, isNeeded, typeof outcome === 'string' ? outcome : `${outcome.code} ${outcome.message}`, tookMs, clock.pending, ev.filter((e: any) => e.type === 'warning').map((e: any) => e.message).join('|'))
    expect(generator.startCount).toBe(isNeeded ? 0 : 1)
    await clock.advance(STORE_MS)
    expect(clock.pending).toBe(0)
  })
  it.each(PHASES)('all cancel from %s', async (phase) => {
   for (const afterMs of [0, 3000, 9000, 15000]) {
    const w = world(() => true, phase)
    const run = w.pipeline.run(request, { id: 'run_1' })
    for (let i = 0; i < 200 && w.hung.length === 0; i++) await w.clock.advance(500)
    await w.clock.advance(afterMs)
    const t = w.clock.now()
    const c = run.cancel()
    await w.clock.runUntil(c)
    console.log('cancel', phase, afterMs, w.clock.now() - t, w.clock.pending, (await eventsOf(run)).at(-1))
    await w.clock.advance(STORE_MS)
    console.log(w.clock.pending)
   }
  })
})
