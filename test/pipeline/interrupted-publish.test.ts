import { expect, it } from 'vitest'
import { memoryStore, SoraPipeline, type SoraPipelineOptions, storedRuns } from '../../src/index.js'
import { fakeGenerator, fakePublisher, fakeUploader, manualClock } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'

const second = expect.stringContaining('two posts may exist')

/** A process that stops while it works on a stage, and the next one. */
async function interrupted(options: Partial<SoraPipelineOptions>, then: Partial<SoraPipelineOptions>) {
  // The clock of the first process stands still, as it does for one that was killed.
  const [clock, dead] = [manualClock(), manualClock()]
  const store = memoryStore({ clock })
  const make = (more: Partial<SoraPipelineOptions>, own = clock) =>
    new SoraPipeline({ generator: fakeGenerator(), store, clock: own, ...more })
  make(options, dead).run({ prompt: 'A cat' }, { id: 'run_1' })
  await dead.advance(100)
  const inspect = () => storedRuns(store, { clock }).inspect('run_1')
  const held = await inspect()
  await clock.advance(10_000)
  const left = await inspect()
  const run = make(then).resume('run_1')
  const result = await clock.runUntil(run.result)
  return { held, left, events: await collect(run), result }
}

it('a run whose process was killed while it published is shown as that, and warns that two posts may exist', async () => {
  const publisher = fakePublisher()
  const uploader = fakeUploader()
  const { held, left, events, result } = await interrupted(
    { publisher: fakePublisher({ hangs: true }), uploader },
    { publisher, uploader },
  )
  expect(held).toMatchObject({ stage: 'publish', isAttended: true })
  expect(held).not.toHaveProperty('isInterrupted')
  expect(left).toMatchObject({ stage: 'publish', isAttended: false, isInterrupted: true })
  expect(result.warnings).toEqual([{ code: 'publication-unknown', stage: 'publish', message: second }])
  const types = events.map((event) => event.type)
  expect(types.indexOf('warning')).toBeGreaterThan(types.indexOf('run-resumed'))
  expect(events.find(({ type }) => type === 'warning')).toMatchObject({ strategy: publisher.name, message: second })
  expect(publisher.calls).toHaveLength(1)
})

it('a run without a publisher that was killed in its upload is in that stage, and warns of no post', async () => {
  const { left, result } = await interrupted(
    { uploader: fakeUploader({ hangs: true }) },
    { publisher: fakePublisher(), uploader: fakeUploader() },
  )
  expect(left).toMatchObject({ stage: 'upload', isInterrupted: true })
  expect(result.warnings).toEqual([])
})

it('a run that calls of advance take from step to step is not interrupted', async () => {
  const clock = manualClock()
  const store = memoryStore({ clock })
  const publisher = fakePublisher()
  const make = () => new SoraPipeline({ generator: fakeGenerator(), publisher, store, clock })
  await make().create({ prompt: 'A cat' }, { id: 'run_1' })
  await clock.runUntil(make().advance('run_1'))
  const between = await storedRuns(store, { clock }).inspect('run_1')
  expect(between).toMatchObject({ stage: 'publish', isAttended: false })
  expect(between).not.toHaveProperty('isInterrupted')
  await clock.runUntil(make().advance('run_1'))
  await clock.runUntil(make().advance('run_1'))
  expect(await make().inspect('run_1')).toMatchObject({ status: 'completed', warnings: [] })
  expect(publisher.calls).toHaveLength(1)
})
