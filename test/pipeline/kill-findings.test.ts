import { expect, it } from 'vitest'
import {
  GenerationFailedError,
  memoryStore,
  NetworkError,
  type RunStore,
  SoraPipeline,
  type TaskGenerator,
} from '../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../src/testing/index.js'

// Faults that killed processes revealed, reduced to a manual clock.

const request = { prompt: 'A cat playing piano' }

it('gives no job to two runs when a process dies between its answer and its claim', async () => {
  const jobs: string[] = []
  let losesNext = false
  const generator: TaskGenerator<{ id: string }> = {
    name: 'paid',
    submission: { idempotency: 'none', lookup: 'fingerprint', settleMs: 1000 },
    async start() {
      if (losesNext) {
        losesNext = false
        throw new NetworkError('Could not submit the video: ECONNRESET')
      }
      jobs.push(`job_${jobs.length + 1}`)
      return { operation: { id: jobs.at(-1) ?? '' } }
    },
    poll: async ({ id }) => ({ state: 'completed', video: { id, url: `https://cdn.example/${id}.mp4` } }),
    find: async () => jobs.map((id) => ({ id })),
  }
  const store = memoryStore()
  const dying: RunStore = { ...store, claim: () => new Promise(() => undefined) }
  const dead = manualClock()
  new SoraPipeline({ generator, store: dying, clock: dead }).run(request, { id: 'run_1' })
  await dead.advance(10)
  expect(jobs).toEqual(['job_1'])

  const clock = manualClock({ now: dead.now() + 31_000 })
  const pipeline = new SoraPipeline({ generator, store, clock })
  losesNext = true
  const second = await clock.runUntil(pipeline.run(request, { id: 'run_2' }).result)
  const first = await clock.runUntil(pipeline.resume('run_1').result)
  expect(first.video.id).not.toBe(second.video.id)
  expect(jobs).toHaveLength(2)
})

it('saves the verdict that one call of advance has learnt on the run of a dead worker', async () => {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const dead = manualClock()
  const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
  new SoraPipeline({ generator, store, clock: dead }).run(request, { id: 'run_1' })
  await dead.advance(10)
  await clock.advance(120_000)
  const error = new GenerationFailedError('Could not generate the video: it gave up')
  const failing = fakeTaskGenerator({ polls: [{ state: 'failed', error }] })
  const pipeline = new SoraPipeline({ generator: failing, store, clock })
  expect(await clock.runUntil(pipeline.advance('run_1'))).toMatchObject({
    status: 'failed',
    error: { code: error.code },
  })
  expect(await pipeline.due()).toEqual([])
  expect([failing.startCount, failing.pollCount]).toEqual([0, 1])
})
