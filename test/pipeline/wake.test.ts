import { describe, expect, it } from 'vitest'
import { type LoadedRun, memoryStore, type RunStore, SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

const request = { prompt: 'A cat playing piano' }
const MINUTE = 60_000
const wakeUrl = (id: string) => `https://video.example/v1/wake/${id}`

/** Processes on one store; their jobs are polled once a minute, unless the run is woken. */
function processes(options: Partial<SoraPipelineOptions>, polls: number) {
  const clock = manualClock()
  const store: RunStore = memoryStore({ clock })
  const process = () => {
    const generator = fakeTaskGenerator({ polls })
    const pipeline = new SoraPipeline({ generator, store, clock, pollSchedule: () => MINUTE, ...options })
    return { generator, pipeline }
  }
  return { clock, store, holder: process(), other: process() }
}

async function loadedOf(store: RunStore): Promise<LoadedRun> {
  const loaded = await store.load('run_1')
  if (loaded === undefined) throw new Error('The store does not know run_1')
  return loaded
}

describe('a run that another process wakes', () => {
  it.each([
    ['within a second where upstreams call back', { wakeUrl }, 1_000],
    ['with the next heartbeat elsewhere', { leaseMs: 9_000 }, 3_000],
  ] as const)('is polled %s', async (_, options, withinMs) => {
    const { clock, store, holder, other } = processes(options, 1)
    const run = holder.pipeline.run(request, { id: 'run_1' })
    await clock.advance(10_500)
    expect(holder.generator.pollCount).toBe(0)
    await other.pipeline.wake('run_1')
    expect(await store.due(0, 10)).toEqual(['run_1'])
    await clock.advance(withinMs)
    expect(holder.generator.pollCount).toBe(1)
    // The wake is over: the next one is a new one.
    expect(await store.due(0, 10)).toEqual([])
    await clock.advance(20_000)
    expect(holder.generator.pollCount).toBe(1)
    await other.pipeline.wake('run_1')
    await clock.advance(withinMs)
    expect((await run.result).url).toContain('https://')
    expect(other.generator.pollCount).toBe(0)
  })

  it('is polled there also where the waking process watches it', async () => {
    const { clock, holder, other } = processes({ wakeUrl }, 0)
    const run = holder.pipeline.run(request, { id: 'run_1' })
    await clock.advance(2_500)
    const watched = other.pipeline.resume('run_1')
    await clock.advance(1_200)
    await other.pipeline.wake('run_1')
    await clock.advance(1_000)
    expect(holder.generator.pollCount).toBe(1)
    await clock.advance(2_000)
    expect((await watched.result).url).toBe((await run.result).url)
    expect(other.generator.pollCount).toBe(0)
  })

  it('is polled once a second at most, however often it is woken', async () => {
    const { clock, holder, other } = processes({ wakeUrl }, Number.POSITIVE_INFINITY)
    holder.pipeline.run(request, { id: 'run_1' })
    await clock.advance(2_500)
    for (let times = 0; times < 500; times += 1) {
      await other.pipeline.wake('run_1')
      await clock.advance(10)
    }
    await clock.advance(1_000)
    expect(holder.generator.pollCount).toBeGreaterThanOrEqual(4)
    expect(holder.generator.pollCount).toBeLessThanOrEqual(6)
    await holder.pipeline.close()
  })

  it('is due as before when its process has died', async () => {
    const { clock, store, holder, other } = processes({ wakeUrl, leaseMs: 9_000 }, 0)
    holder.pipeline.run(request, { id: 'run_1' })
    await clock.advance(2_500)
    await other.pipeline.wake('run_1')
    const { state } = await loadedOf(store)
    // The process is gone, with its beat.
    await holder.pipeline.close()
    await store.save('run_1', (await loadedOf(store)).version, { ...state, wakeAt: 0 })
    await store.retire(String(state.worker))
    expect(await other.pipeline.due()).toEqual(['run_1'])
    expect(await clock.runUntil(other.pipeline.resume('run_1').result)).toMatchObject({ runId: 'run_1' })
    expect(other.generator.pollCount).toBe(1)
  })

  it('has its usual times in records', async () => {
    const { clock, holder, other } = processes({ wakeUrl }, 0)
    const { id } = holder.pipeline.run(request)
    await clock.advance(500)
    const startedAt = (await other.pipeline.get(id))?.startedAt
    await other.pipeline.wake(id)
    expect((await other.pipeline.get(id))?.wakeAt).toBe(startedAt)
    await holder.pipeline.close()
  })
})

describe('a webhook that never comes', () => {
  it('costs no poll: the schedule is the same', async () => {
    const pollsIn = async (options: Partial<SoraPipelineOptions>) => {
      const { clock, holder } = processes(options, Number.POSITIVE_INFINITY)
      holder.pipeline.run(request)
      await clock.advance(20 * MINUTE)
      await holder.pipeline.close()
      return holder.generator.pollCount
    }
    expect(await pollsIn({ wakeUrl })).toBe(await pollsIn({}))
  })
})
