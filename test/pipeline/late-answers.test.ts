import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline, type SoraPipelineOptions, type TaskGenerator } from '../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

// Answers to submissions that come after the deadline of their run.

const request = { prompt: 'A cat playing piano' }
const video = { id: 'v1', url: 'https://cdn.example/v1.mp4' }

function world(options: Partial<SoraPipelineOptions> & Pick<SoraPipelineOptions, 'generator'>) {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const make = () => new SoraPipeline({ store, clock, pollSchedule: () => 1000, ...options })
  return { clock, store, make }
}

/** A generator whose answer comes after so long, whatever its signal does. */
function slow(generator: TaskGenerator, ms: number) {
  return {
    ...generator,
    start: async (...given: Parameters<typeof generator.start>) => {
      const [, { clock, signal }] = given
      await clock.sleep(ms)
      signal.throwIfAborted()
      return generator.start(...given)
    },
  }
}

describe.each([
  ['generateMs', { generateMs: 4000 }],
  ['totalMs', { totalMs: 4000 }],
])('an answer after %s', (_, deadlines) => {
  it('is used: the job is claimed, and polled a last time', async () => {
    const generator = fakeTaskGenerator({ polls: 0 })
    const { clock, store, make } = world({ generator: slow(generator, 7000), deadlines })
    const pipeline = make()
    const run = pipeline.run(request, { id: 'run_1' })
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({
      code: 'submission-unknown',
      isRetryable: false,
      cause: { code: 'stage-timeout' },
    })
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'needs-review' })
    await clock.advance(10_000)
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'completed' })
    expect([generator.startCount, generator.pollCount]).toEqual([1, 1])
    expect(await store.claim('job:fake-task-generator', '{"id":"task_1"}', 'run_2')).toBe(false)
  })

  it('is used: a job that still runs fails its run with a handle, which a person settles', async () => {
    const generator = fakeTaskGenerator({ polls: 5 })
    const { clock, make } = world({ generator: slow(generator, 7000), deadlines })
    const pipeline = make()
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined))
    await clock.advance(10_000)
    const record = await pipeline.get('run_1')
    expect(record).toMatchObject({ status: 'failed', error: { code: 'stage-timeout', isRetryable: false } })
    const settled = await pipeline.settle('run_1', { operation: { id: 'task_1' } })
    await clock.advance(30_000)
    expect(generator.startCount).toBe(1)
    await settled.result.catch(() => undefined)
  })

  it('of one long call is the video', async () => {
    let calls = 0
    const generator = {
      name: 'one',
      generate: async (_: unknown, { clock }: { readonly clock: { sleep(ms: number): Promise<void> } }) => {
        calls += 1
        await clock.sleep(7000)
        return video
      },
    }
    const { clock, make } = world({ generator, deadlines })
    const pipeline = make()
    await expect(clock.runUntil(pipeline.run(request, { id: 'run_1' }).result)).rejects.toMatchObject({
      code: 'submission-unknown',
    })
    await clock.advance(10_000)
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'completed', video: { id: 'v1' } })
    expect(calls).toBe(1)
  })

  it('does not come after half a minute more: the connection is closed', async () => {
    const generator = fakeTaskGenerator()
    const { clock, make } = world({ generator: slow(generator, 40_000), deadlines })
    const pipeline = make()
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined))
    await clock.advance(60_000)
    expect(await pipeline.get('run_1')).toMatchObject({ status: 'needs-review' })
    expect(generator.startCount).toBe(0)
  })

  it('is left alone where a person has decided meanwhile', async () => {
    const generator = fakeTaskGenerator({ polls: 0 })
    let isSlow = true
    const first = slow(generator, 7000)
    const own = {
      ...generator,
      start: (...given: Parameters<typeof generator.start>) => (isSlow ? first : generator).start(...given),
    }
    const { clock, make } = world({ generator: own, deadlines })
    const pipeline = make()
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined))
    isSlow = false
    const settled = await pipeline.settle('run_1', 'not-submitted')
    await expect(clock.runUntil(settled.result)).resolves.toMatchObject({ servedBy: 'generator' })
    const before = await pipeline.get('run_1')
    await clock.advance(30_000)
    expect(await pipeline.get('run_1')).toEqual(before)
  })

  it('of a run that another process has aborted meanwhile is a job that is stopped', async () => {
    const generator = fakeTaskGenerator({ polls: 5 })
    const { clock, store, make } = world({ generator: slow(generator, 7000), deadlines })
    const pipeline = make()
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined))
    const loaded = await store.load('run_1')
    await store.save('run_1', loaded?.version ?? 0, { ...loaded?.state, status: 'failed', isAborted: true } as never)
    await clock.advance(10_000)
    expect(await store.load('run_1')).toMatchObject({
      state: {
        status: 'failed',
        upstream: { state: 'cancelled' },
        submission: { handle: { operation: { id: 'task_1' } } },
      },
    })
    expect([generator.startCount, generator.pollCount]).toEqual([1, 0])
  })

  it('of a pipeline that is closed is kept for the next process', async () => {
    const generator = fakeTaskGenerator({ polls: 0 })
    const { clock, make } = world({ generator: slow(generator, 7000), deadlines })
    const pipeline = make()
    await clock.runUntil(pipeline.run(request, { id: 'run_1' }).result.catch(() => undefined))
    const closed = pipeline.close()
    await clock.advance(1000)
    await closed
    await clock.advance(10_000)
    const next = make()
    expect(await next.get('run_1')).toMatchObject({ status: 'running' })
    for (const run of await next.recover())
      await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(generator.startCount).toBe(1)
  })
})
