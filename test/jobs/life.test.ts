import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { GenerationFailedError, SoraPipeline, type SoraPipelineOptions } from '../../src/index.js'
import { createQueueRunner, createWorker, type QueueWorkerOptions } from '../../src/jobs/index.js'
import { jobIdOf } from '../../src/jobs/queue-job.js'
import { fakeGenerator, fakeTaskGenerator, fakeUploader } from '../../src/testing/index.js'
import { collect } from '../support/collect.js'
import { eventually } from '../support/eventually.js'
import { type QueueServer, type QueueSite, SERVERS, startQueueServer } from './queue-server.js'

const FAST = { pollSchedule: () => 30 }
const NEVER = { state: 'running' } as const

describe.each(SERVERS)('a queue on %s', (kind, isSkipped) => {
  let server: QueueServer
  const open: { close(): Promise<void> }[] = []
  const errors: unknown[] = []
  const onError = (error: unknown) => errors.push(error)

  beforeAll(async () => {
    if (!isSkipped) server = await startQueueServer(kind)
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((part) => part.close()))
    errors.length = 0
  })
  afterAll(() => server?.close())

  /** A worker of a pipeline of its own. */
  function worker({ store, at }: QueueSite, options: SoraPipelineOptions, more: Partial<QueueWorkerOptions> = {}) {
    const pipeline = new SoraPipeline({ ...FAST, store, ...options })
    const started = createWorker(pipeline, { ...at, onError, ...more })
    open.push(started)
    return { pipeline, ready: started.ready, close: () => started.close() }
  }
  function runner({ store, at }: QueueSite, options: SoraPipelineOptions) {
    const started = createQueueRunner(new SoraPipeline({ ...FAST, store, ...options }), { ...at, onError })
    open.push(started)
    return started
  }

  it.skipIf(isSkipped)('takes a run from its request to its URL, and keeps no job of it', async () => {
    const site = await server.site('life')
    const options = { generator: fakeTaskGenerator(), uploader: fakeUploader() }
    const here = runner(site, options)
    await worker(site, options).ready
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const run = here.run({ prompt: 'A cat' }, { id: 'run:1', owner: 'ada', traceparent })
    expect(await run.result).toMatchObject({ runId: 'run:1', servedBy: 'uploader' })
    expect((await site.store.load('run:1'))?.state).toMatchObject({ traceparent })
    const events = await collect(run)
    expect(events[0]).toMatchObject({ type: 'run-started', runId: 'run:1' })
    expect(events.at(-1)).toMatchObject({ type: 'run-completed' })
    expect(await here.get('run:1')).toMatchObject({ status: 'completed', owner: 'ada' })
    expect((await here.list({ owner: 'ada' })).map(({ id }) => id)).toEqual(['run:1'])
    await eventually(async () => expect(await site.queue.getJobCountByTypes('wait', 'active', 'delayed')).toBe(0))
    expect(errors).toEqual([])
  })

  it.skipIf(isSkipped)('takes a run from a runner with a pipeline of its own, which closes with it', async () => {
    const site = await server.site('standalone')
    const generator = fakeTaskGenerator()
    const here = createQueueRunner({ ...site.at, store: site.store, generator, onError })
    await here.ready
    await worker(site, { generator }).ready
    expect(await here.run({ prompt: 'A cat' }, { id: 'own' }).result).toMatchObject({ runId: 'own' })
    expect(await here.get('own')).toMatchObject({ status: 'completed' })
    expect(here.isClosing).toBe(false)
    await here.close()
    expect(here.isClosing).toBe(true)
    expect(() => here.run({ prompt: 'A dog' })).toThrow('the runner is closed')
    expect(errors).toEqual([])
  })

  it.skipIf(isSkipped)('joins the run of an id, and refuses another request or owner under it', async () => {
    const site = await server.site('joins')
    const generator = fakeTaskGenerator()
    const [here, there] = [runner(site, { generator }), runner(site, { generator })]
    await worker(site, { generator }).ready
    const first = here.run({ prompt: 'A cat' }, { id: '42' })
    const second = there.run({ prompt: 'A cat' }, { id: '42' })
    expect((await first.result).url).toBe((await second.result).url)
    expect(generator.startCount).toBe(1)
    await expect(here.run({ prompt: 'A dog' }, { id: '42' }).result).rejects.toThrow('different request')
    await expect(here.run({ prompt: 'A cat' }, { id: '42', owner: 'ada' }).result).rejects.toThrow('another owner')
    expect(() => here.run({ prompt: '' })).toThrow('prompt')
  })

  it.skipIf(isSkipped)('rejects with the error of a run that failed', async () => {
    const site = await server.site('fails')
    const generator = fakeGenerator({ outcome: new GenerationFailedError('The model is broken') })
    const here = runner(site, { generator })
    await worker(site, { generator }).ready
    const run = here.run({ prompt: 'A cat' })
    await expect(run.result).rejects.toThrow('The model is broken')
    expect((await collect(run)).at(-1)).toMatchObject({ type: 'run-failed' })
    await expect(here.resume('unknown').result).rejects.toThrow('unknown')
  })

  it.skipIf(isSkipped)('completes runs that were saved while the queue was emptied by hand', async () => {
    const site = await server.site('emptied')
    const generator = fakeTaskGenerator()
    const here = runner(site, { generator })
    const runs = ['a', 'b', 'c'].map((id) => here.run({ prompt: 'A cat' }, { id }))
    await eventually(async () => expect(await site.queue.getJobCountByTypes('wait', 'active', 'delayed')).toBe(3))
    await site.queue.obliterate({ force: true })
    await worker(site, { generator }, { sweepMs: 200 }).ready
    expect(await Promise.all(runs.map(({ result }) => result))).toHaveLength(3)
  })

  it.skipIf(isSkipped)('continues a run whose job was finalised before the run had ended', async () => {
    const site = await server.site('finalised')
    const generator = fakeTaskGenerator({ polls: [NEVER, NEVER] })
    const here = runner(site, { generator })
    const { result } = here.run({ prompt: 'A cat' }, { id: 'early' })
    await worker(site, { generator, pollSchedule: () => 500 }, { sweepMs: 200 }).ready
    await eventually(async () => expect(await site.queue.getDelayedCount()).toBe(1))
    await site.queue.remove(jobIdOf('early'))
    expect(await result).toMatchObject({ runId: 'early' })
  })

  it.skipIf(isSkipped)('polls a job at once when it is woken, from any process', async () => {
    const site = await server.site('wakes')
    const generator = fakeTaskGenerator({ polls: [NEVER] })
    const here = runner(site, { generator })
    await worker(site, { generator, pollSchedule: ({ readings }) => (readings.length < 2 ? 0 : 600_000) }).ready
    const { result } = here.run({ prompt: 'A cat' }, { id: 'sleeper' })
    await eventually(async () => expect((await here.get('sleeper'))?.wakeAt).toBeGreaterThan(Date.now() + 500_000))
    await eventually(async () => expect(await site.queue.getDelayedCount()).toBe(1))
    await here.wake('sleeper')
    expect(await result).toMatchObject({ runId: 'sleeper' })
    await expect(here.wake('unknown')).rejects.toThrow('does not know it')
  })

  it.skipIf(isSkipped)('cancels a run that waits, and its job, from a process that does not work on it', async () => {
    const site = await server.site('cancels')
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const [here, there] = [runner(site, { generator }), runner(site, { generator })]
    await worker(site, { generator, pollSchedule: () => 60_000 }).ready
    const run = here.run({ prompt: 'A cat' }, { id: 'stopped' })
    await eventually(async () => expect(await site.queue.getDelayedCount()).toBe(1))
    const reason = new Error('No longer wanted')
    await there.resume('stopped').cancel(reason)
    await expect(run.result).rejects.toThrow()
    expect(await here.get('stopped')).toMatchObject({ status: 'failed', error: { code: 'aborted' } })
    expect(generator.cancelCount).toBe(1)
    await here.remove('stopped')
    expect(await there.get('stopped')).toBeUndefined()
    await eventually(async () => expect(await site.queue.getJobCountByTypes('wait', 'active', 'delayed')).toBe(0))
    expect(errors).toEqual([])
  })

  it.skipIf(isSkipped)('retries an ended run as a new one, in the workers', async () => {
    const site = await server.site('retries')
    const generator = fakeTaskGenerator({ starts: [new GenerationFailedError('The model is broken'), 'accepted'] })
    const here = runner(site, { generator })
    await worker(site, { generator }).ready
    await expect(here.run({ prompt: 'A cat' }, { id: 'first', owner: 'ada' }).result).rejects.toThrow('broken')
    const retried = await here.retry('first', { prompt: 'A dog' })
    expect(await retried.result).toMatchObject({ runId: retried.id })
    const record = await here.get(retried.id)
    expect(record).toMatchObject({ owner: 'ada', status: 'completed', request: { prompt: 'A dog' } })
    expect((await site.store.load(retried.id))?.state).toMatchObject({ retryOf: 'first' })
    expect(generator.startCount).toBe(2)
    await expect(here.retry('unknown')).rejects.toThrow('does not know it')
    await expect(here.retry('first', { prompt: '' })).rejects.toThrow('prompt')
    expect(errors).toEqual([])
  })

  it.skipIf(isSkipped)('adopts a paid job, which the workers continue, and pays nothing', async () => {
    const site = await server.site('adopts')
    const generator = fakeTaskGenerator({ name: 'fake' })
    const [here, there] = [runner(site, { generator }), runner(site, { generator })]
    await worker(site, { generator }).ready
    const handle = { generator: 'fake', operation: { id: 'task_1' }, startedAt: Date.now() }
    const run = await here.adopt(handle, { id: 'order:17', owner: 'ada' })
    expect(await run.result).toMatchObject({ runId: 'order:17' })
    expect(generator.startCount).toBe(0)
    // The same again is the same run.
    expect(await (await there.adopt(handle, { id: 'order:17', owner: 'ada' })).result).toMatchObject({
      runId: 'order:17',
    })
    await expect(there.adopt(handle)).rejects.toThrow('a run has its video')
    await expect(here.adopt(handle, { prompt: 'A cat' } as never)).rejects.toThrow('prompt')
    await here.close()
    await expect(here.adopt(handle)).rejects.toThrow('the runner is closed')
    await expect(here.retry('order:17')).rejects.toThrow('the runner is closed')
    expect(errors).toEqual([])
  })

  it.skipIf(isSkipped)('rejects with the reason of the signal, before a worker has the run', async () => {
    const site = await server.site('aborts')
    const here = runner(site, { generator: fakeTaskGenerator() })
    const controller = new AbortController()
    const run = here.run({ prompt: 'A cat' }, { signal: controller.signal })
    const reason = new Error('No longer wanted')
    controller.abort(reason)
    await expect(run.result).rejects.toBe(reason)
    await eventually(async () => expect(await here.get(run.id)).toMatchObject({ status: 'failed' }))
    const events = await collect(here.resume(run.id))
    expect(events.map(({ type }) => type)).toEqual(['run-started', 'stage-started', 'run-failed'])
  })

  it.skipIf(isSkipped)('continues a run in review in a worker, once it is settled', async () => {
    const site = await server.site('settles')
    const unclear = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    const generator = fakeTaskGenerator({ starts: [unclear] })
    const here = runner(site, { generator })
    await worker(site, { generator }, { sweepMs: 200 }).ready
    const run = here.run({ prompt: 'A cat' }, { id: 'review' })
    await expect(run.result).rejects.toMatchObject({ code: 'submission-unknown' })
    const settled = await here.settle('review', 'not-submitted')
    expect(await settled.result).toMatchObject({ runId: 'review' })
  })

  it.skipIf(isSkipped)(
    'has a runner that reports its close at once, and takes runs until the drain has ended',
    async () => {
      const site = await server.site('drains')
      const generator = fakeTaskGenerator()
      const here = runner(site, { generator })
      expect(here.isClosing).toBe(false)
      await expect(here.close({ graceMs: 1 } as never)).rejects.toThrow('graceMs is unknown')
      expect(here.isClosing).toBe(false)
      const closed = here.close({ drainMs: 300 })
      expect(here.isClosing).toBe(true)
      const run = here.run({ prompt: 'A cat' }, { id: 'run:1' })
      await eventually(async () => expect((await here.get('run:1'))?.status).toBe('running'))
      await closed
      await expect(run.result).rejects.toThrow('the runner is closed')
      expect(() => here.run({ prompt: 'A cat' })).toThrow('the runner is closed')
    },
  )

  it.skipIf(isSkipped)('hands its runs over at once when it closes', async () => {
    const site = await server.site('hands')
    const generator = fakeTaskGenerator({ polls: 3 })
    const here = runner(site, { generator })
    const first = worker(site, { generator, pollSchedule: () => 200 })
    await first.ready
    const runs = Array.from({ length: 20 }, (_, index) => here.run({ prompt: 'A cat' }, { id: `handed-${index}` }))
    await eventually(async () => expect(generator.pollCount).toBeGreaterThan(5))
    await first.close()
    expect(await site.queue.getActiveCount()).toBe(0)
    const closedAt = Date.now()
    await worker(site, { generator }).ready
    expect(await Promise.all(runs.map(({ result }) => result))).toHaveLength(20)
    // Neither a lock of a job (10 s) nor a lease of a run (10 s) had to expire.
    expect(Date.now() - closedAt).toBeLessThan(8_000)
    expect(generator.startCount).toBe(20)
    expect(errors).toEqual([])
  })
})
