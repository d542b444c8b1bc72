import { describe, expect, it } from 'vitest'
import { memoryStore, type RunStore, SoraPipeline } from '../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

const WRITES = ['create', 'save', 'reschedule', 'heartbeat', 'claim', 'report', 'retire'] as const
const REQUEST = { prompt: 'A cat' }

/** A pipeline whose store takes no writes from the first submission on, until `repair`. */
function outage() {
  const clock = manualClock()
  const memory = memoryStore({ clock })
  let isDown = false
  const broken = Object.fromEntries(
    WRITES.map((name) => [
      name,
      (...given: unknown[]) =>
        isDown ? Promise.reject(new Error('disk full')) : (memory[name] as (...all: unknown[]) => unknown)(...given),
    ]),
  )
  const store = { ...memory, ...broken } as RunStore
  const fake = fakeTaskGenerator({ name: 'g' })
  const start: typeof fake.start = async (...given) => {
    isDown = true
    return fake.start(...given)
  }
  const generator = { ...fake, start }
  const pipeline = new SoraPipeline({ generator, store, clock })
  const repair = () => {
    isDown = false
  }
  return { clock, pipeline, memory, generator, fake, repair }
}

describe('a run that completes while the store takes no writes', () => {
  it('stays completed for readers of this process, and is not opened again', async () => {
    const { clock, pipeline, memory, fake, repair } = outage()
    const { url } = await clock.runUntil(pipeline.generate(REQUEST, { id: 'run_1' }))
    // The beats of this process have expired.
    await clock.advance(11_000)
    expect((await memory.load('run_1'))?.state.status).toBe('running')
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'completed', result: { url } })
    const [listed] = await pipeline.list()
    expect(listed).toMatchObject({ status: 'completed' })
    expect(await clock.runUntil(pipeline.resume('run_1').result)).toMatchObject({ url })
    expect(await clock.runUntil(pipeline.generate(REQUEST, { id: 'run_1' }))).toMatchObject({ url })
    expect(await pipeline.recover()).toEqual([])
    repair()
    await clock.advance(31_000)
    expect((await memory.load('run_1'))?.state).toMatchObject({ status: 'completed' })
    expect(await clock.runUntil(pipeline.resume('run_1').result)).toMatchObject({ url })
    expect(fake.startCount).toBe(1)
  })

  it('is completed in the store as well where another process has given its submission up meanwhile', async () => {
    const { clock, pipeline, memory, generator, fake, repair } = outage()
    const { url } = await clock.runUntil(pipeline.generate(REQUEST, { id: 'run_1' }))
    await clock.advance(11_000)
    const other = new SoraPipeline({ generator, store: memory, clock })
    const [taken] = await other.recover()
    if (taken === undefined) throw new Error('Could not take the run over: it is not due')
    await expect(clock.runUntil(taken.result)).rejects.toMatchObject({
      code: 'submission-unknown',
    })
    expect((await memory.load('run_1'))?.state.status).toBe('needs-review')
    repair()
    await clock.advance(31_000)
    expect(await other.get('run_1')).toMatchObject({ status: 'completed', result: { url } })
    expect(fake.startCount).toBe(1)
  })
})
