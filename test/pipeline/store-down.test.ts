import { describe, expect, it } from 'vitest'
import { memoryStore, SoraPipeline } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat' }
const cause = new Error('ECONNREFUSED')
const down = () => Promise.reject(cause)

describe('a store that is down', () => {
  it('keeps a run from being taken up, and says so', async () => {
    const run = new SoraPipeline({ generator: fakeGenerator(), store: { ...memoryStore(), load: down } }).resume(
      'run_1',
    )
    await expect(run.result).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not read the run, the store is down: run_1',
      cause,
    })
  })

  it('when a run fails does not hide what it failed with', async () => {
    const memory = memoryStore()
    let isDown = false
    const store = {
      ...memory,
      save: (...given: Parameters<typeof memory.save>) => (isDown ? down() : memory.save(...given)),
    }
    const error = new Error('no credit')
    const generator = {
      name: 'g',
      generate: () => {
        isDown = true
        return Promise.reject(error)
      },
    }
    const clock = manualClock()
    const run = new SoraPipeline({ generator, store, clock }).run(request)
    await expect(clock.runUntil(run.result)).rejects.toMatchObject({ code: 'generation-failed', cause: error })
    expect((await collect(run)).slice(-2)).toMatchObject([
      {
        type: 'warning',
        code: 'store-unavailable',
        message: expect.stringMatching(/^Could not save the end of the run: /),
      },
      { type: 'run-failed', error: { code: 'generation-failed' }, isAborted: false },
    ])
  })

  it('when a job is to be claimed costs the claim and not the job', async () => {
    const clock = manualClock()
    const submission = { idempotency: 'none', lookup: 'fingerprint', settleMs: 1000 } as const
    const generator = fakeTaskGenerator({ submission, found: [] })
    const pipeline = new SoraPipeline({ generator, store: { ...memoryStore(), claim: down }, clock })
    const { servedBy, warnings } = await clock.runUntil(pipeline.generate(request))
    expect(servedBy).toBe('generator')
    expect(warnings).toMatchObject([
      { code: 'store-unavailable', message: 'Could not claim the job: unexpected', stage: 'generate' },
    ])
  })

  it.each([
    ['for a moment is asked again, and the run goes on', 2, undefined],
    ['for good ends the watching', Number.POSITIVE_INFINITY, 'Could not go on with the run, the store is down: run_1'],
  ])('while another process works on a run %s', async (_, failures, message) => {
    const clock = manualClock()
    const memory = memoryStore()
    const options = { generator: fakeTaskGenerator({ polls: 20 }), clock, pollSchedule: () => 1000 }
    const worker = new SoraPipeline({ ...options, store: memory }).run(request, { id: 'run_1' })
    await clock.advance(1)
    let loads = 0
    const load: typeof memory.load = (id) => {
      loads += 1
      return loads > 1 && loads <= 1 + failures ? down() : memory.load(id)
    }
    const watcher = new SoraPipeline({ ...options, store: { ...memory, load } }).resume('run_1')
    if (message === undefined) {
      await expect(clock.runUntil(watcher.result)).resolves.toMatchObject({ servedBy: 'generator' })
    } else {
      await expect(clock.runUntil(watcher.result)).rejects.toMatchObject({ code: 'run-state', message, cause })
    }
    await expect(clock.runUntil(worker.result)).resolves.toMatchObject({ servedBy: 'generator' })
  })
})
