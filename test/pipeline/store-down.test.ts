import { describe, expect, it } from 'vitest'
import {
  balance,
  memoryStore,
  type RunStore,
  SoraPipeline,
  SubmissionUnknownError,
  type TaskGenerator,
} from '../../src/index.js'
import { fakeGenerator, fakePublisher, fakeTaskGenerator, fakeUploader, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const request = { prompt: 'A cat' }
const cause = new Error('ECONNREFUSED')
const down = () => Promise.reject(cause)

/** A store that takes no writes while `isDown` says so. */
function unwritable(store: RunStore, isDown: () => boolean): RunStore & { readonly refused: () => number } {
  let refused = 0
  const unless = <Given extends unknown[], T>(operation: (...given: Given) => Promise<T>) => {
    return (...given: Given): Promise<T> => {
      if (!isDown()) return operation(...given)
      refused += 1
      return down()
    }
  }
  const { save, heartbeat, report = down } = store
  return {
    ...store,
    save: unless(save),
    heartbeat: unless(heartbeat),
    report: unless(report),
    refused: () => refused,
  }
}

describe('a store whose save() gives no version', () => {
  it('is reported before anything is sent', async () => {
    const store = memoryStore()
    const generator = fakeTaskGenerator({})
    const save = (async () => undefined) as unknown as RunStore['save']
    // `balance` has no first generator, so the run is saved once more before it is sent.
    const run = new SoraPipeline({ generator: balance([generator]), store: { ...store, save } }).run(request)
    await expect(run.result).rejects.toMatchObject({
      code: 'run-state',
      cause: {
        message:
          'Could not use the result of save() of the store, it must resolve to the new version, a whole number: nothing',
      },
    })
    expect(generator.startCount).toBe(0)
  })
})

describe('a store that is down', () => {
  it('keeps a run from being resumed, and is reported', async () => {
    const run = new SoraPipeline({ generator: fakeGenerator(), store: { ...memoryStore(), load: down } }).resume(
      'run_1',
    )
    await expect(run.result).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not read the run, the store is down: run_1',
      cause,
    })
  })

  it('keeps runs from being settled or recovered, and is reported', async () => {
    const clock = manualClock()
    const memory = memoryStore()
    const generator = fakeTaskGenerator({ starts: [new SubmissionUnknownError('Could not learn the outcome: host')] })
    const up = new SoraPipeline({ generator, store: memory, clock })
    await clock.runUntil(up.run(request, { id: 'run_1' }).result.catch(() => undefined))
    const pipelineWith = (store: Partial<RunStore>) =>
      new SoraPipeline({ generator, store: { ...memory, ...store }, clock })
    await expect(pipelineWith({ load: down }).settle('run_1', 'not-submitted')).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not read the run, the store is down: run_1',
      cause,
    })
    await expect(pipelineWith({ save: down }).settle('run_1', 'not-submitted')).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not settle the run, the store is down: run_1',
      cause,
    })
    await expect(pipelineWith({ due: down }).recover()).rejects.toMatchObject({
      code: 'run-state',
      message: 'Could not search for unfinished runs, the store is down',
      cause,
    })
    const fenced = pipelineWith({ save: () => memory.save('run_1', 0, { status: 'running', wakeAt: 0 }) })
    await expect(fenced.settle('run_1', 'not-submitted')).rejects.toMatchObject({ code: 'run-fenced' })
    await expect(clock.runUntil((await up.settle('run_1', 'not-submitted')).result)).resolves.toMatchObject({
      servedBy: 'generator',
    })
  })

  it('when a run fails does not hide the error of the run', async () => {
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

  it('for a moment while one long call is under way costs neither the call nor the lease', async () => {
    const clock = manualClock()
    const memory = memoryStore({ clock })
    const began = clock.now()
    const store = unwritable(memory, () => clock.now() > began + 5000 && clock.now() < began + 12_000)
    const options = { generator: fakeGenerator({ delayMs: 60_000 }), clock }
    const run = new SoraPipeline({ ...options, store }).run(request, { id: 'run_1' })
    await clock.advance(45_000)
    const watcher = new SoraPipeline({ ...options, store: memory }).resume('run_1')
    await clock.advance(10_000)
    expect((await memory.load('run_1'))?.state.status).toBe('running')
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', warnings: [] })
    await expect(clock.runUntil(watcher.result)).resolves.toMatchObject({ servedBy: 'generator' })
    expect(store.refused()).toBeGreaterThan(0)
    expect(options.generator.calls).toHaveLength(1)
  })

  const task = fakeTaskGenerator()
  const slowTask: TaskGenerator = {
    ...task,
    start: async (input, context) => {
      await context.clock.sleep(60_000, context)
      return task.start(input, context)
    },
  }

  it.each([
    ['one long call', fakeGenerator({ delayMs: 60_000 })],
    ['a slow submission', slowTask],
  ])('for longer than the lease does not lose what %s was paid for', async (_, generator) => {
    const clock = manualClock()
    const memory = memoryStore({ clock })
    const began = clock.now()
    const store = unwritable(memory, () => clock.now() > began + 5000 && clock.now() < began + 50_000)
    const options = { generator, clock, pollSchedule: () => 1000 }
    const run = new SoraPipeline({ ...options, store }).run(request, { id: 'run_1' })
    await clock.advance(40_000)
    const other = new SoraPipeline({ ...options, store: memory }).resume('run_1')
    await expect(clock.runUntil(other.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    expect((await memory.load('run_1'))?.state.status).toBe('needs-review')
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', warnings: [] })
    expect((await memory.load('run_1'))?.state.status).toBe('completed')
  })

  it('for longer than the lease while a job is polled ends neither the run nor its pace', async () => {
    const clock = manualClock()
    let isDown = false
    const memory = unwritable(memoryStore({ clock }), () => isDown)
    const save: typeof memory.save = (id, version, state) => {
      isDown ||= (state.submission as { state?: string })?.state === 'accepted'
      if (memory.refused() > 5000) throw new Error('this is a loop')
      return memory.save(id, version, state)
    }
    const generator = fakeTaskGenerator({ polls: 120 })
    const uploader = fakeUploader()
    const pipeline = new SoraPipeline({
      generator,
      uploader,
      store: { ...memory, save },
      clock,
      pollSchedule: () => 1000,
    })
    const { servedBy, warnings } = await clock.runUntil(pipeline.generate(request))
    expect(servedBy).toBe('uploader')
    expect(warnings.map(({ code }) => code)).toEqual(['store-unavailable'])
    expect([generator.pollCount, uploader.calls.length]).toEqual([121, 1])
    expect(memory.refused()).toBeLessThan(200) // One report a poll, and a beat every third of the lease.
  })

  it.each([
    ['for a moment when a run is resumed is retried', 3, undefined],
    ['for good when a run is resumed ends that', Number.POSITIVE_INFINITY, { id: 'task_1' }],
  ])('%s', async (_, failures, operation) => {
    const memory = memoryStore()
    const dead = manualClock()
    const options = { generator: fakeTaskGenerator({ polls: 3 }), pollSchedule: () => 1000 }
    new SoraPipeline({ ...options, store: memory, clock: dead }).run(request, { id: 'run_1' })
    await dead.advance(500)
    const clock = manualClock({ now: dead.now() + 60_000 })
    let refused = 0
    const save: typeof memory.save = (...given) => {
      refused += 1
      return refused <= failures ? down() : memory.save(...given)
    }
    const run = new SoraPipeline({ ...options, store: { ...memory, save }, clock }).resume('run_1')
    const began = clock.now()
    if (operation === undefined) {
      await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'generator', warnings: [] })
    } else {
      await expect(clock.runUntil(run.result)).rejects.toMatchObject({
        code: 'run-state',
        message: 'Could not continue the run, the store is down: run_1',
        handle: { operation },
        cause,
      })
      expect(clock.now() - began).toBe(137_000) // The lease of the dead process, and eight tries.
      expect(refused).toBe(8)
      expect((await memory.load('run_1'))?.state.status).toBe('running')
    }
    expect(options.generator.startCount).toBe(1)
  })

  it('for longer than the lease, and then a lost race, forgets neither the job nor what was done since', async () => {
    const clock = manualClock()
    const memory = memoryStore({ clock })
    const began = clock.now()
    let isAccepted = false
    const store = unwritable(memory, () => isAccepted && clock.now() < began + 100_000)
    const save: typeof memory.save = (id, version, state) => {
      isAccepted ||= (state.submission as { state?: string })?.state === 'accepted'
      return store.save(id, version, state)
    }
    const [publisher, uploader] = [fakePublisher({ delayMs: 50_000 }), fakeUploader({ delayMs: 60_000 })]
    const generator = fakeTaskGenerator({ polls: 3 })
    const options = { generator, publisher, uploader, clock, pollSchedule: () => 1000 }
    const run = new SoraPipeline({ ...options, store: { ...store, save } }).run(request, { id: 'run_1' })
    await clock.advance(40_000)
    const other = new SoraPipeline({ ...options, store: memory }).resume('run_1')
    await expect(clock.runUntil(other.result)).rejects.toMatchObject({ code: 'submission-unknown' })
    await expect(clock.runUntil(run.result)).resolves.toMatchObject({ servedBy: 'uploader', publication: {} })
    expect([generator.startCount, generator.pollCount, publisher.calls.length]).toEqual([1, 4, 1])
    expect((await memory.load('run_1'))?.state).toMatchObject({ status: 'completed', publication: {} })
  })

  it('for longer than the lease leaves the run to the process that took it meanwhile', async () => {
    const clock = manualClock()
    const memory = memoryStore({ clock })
    const began = clock.now()
    const store = unwritable(memory, () => clock.now() > began + 3000 && clock.now() < began + 60_000)
    const options = { clock, pollSchedule: () => 1000 }
    const [first, second] = [fakeTaskGenerator({ polls: 1000 }), fakeTaskGenerator({ polls: 60 })]
    const run = new SoraPipeline({ ...options, generator: first, store }).run(request, {
      id: 'run_1',
    })
    await clock.advance(40_000)
    const other = new SoraPipeline({ ...options, generator: second, store: memory }).resume('run_1')
    await clock.advance(25_000)
    const polls = first.pollCount
    const [mine, theirs] = await clock.runUntil(Promise.all([run.result, other.result]))
    expect(mine.url).toBe(theirs.url)
    expect([first.startCount, second.startCount, first.pollCount]).toEqual([1, 0, polls])
  })

  it('with a save whose answer was lost is not another process: nothing is done twice', async () => {
    const memory = memoryStore()
    const clock = manualClock()
    let isDown = false
    const save: typeof memory.save = async (id, version, state) => {
      if (isDown && ['generate', 'publish'].includes(String(state.step))) return down()
      const saved = await memory.save(id, version, state)
      if (isDown || (state.submission as { state?: string })?.state !== 'accepted') return saved
      isDown = true
      return down() // It was saved; the answer is lost.
    }
    const publisher = fakePublisher()
    const uploader = fakeUploader()
    const generator = fakeTaskGenerator({ polls: 2 })
    const pipeline = new SoraPipeline({ generator, publisher, uploader, store: { ...memory, save }, clock })
    const { servedBy, runId } = await clock.runUntil(pipeline.generate(request))
    expect(servedBy).toBe('uploader')
    expect([generator.pollCount, publisher.calls.length, uploader.calls.length]).toEqual([3, 1, 1])
    expect((await memory.load(runId))?.state).toMatchObject({ status: 'completed', publication: {} })
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
    ['for a moment is retried, and the run continues', 2, undefined],
    ['for good ends the watching', Number.POSITIVE_INFINITY, 'Could not continue the run, the store is down: run_1'],
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
