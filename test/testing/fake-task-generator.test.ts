import { expect, test, vi } from 'vitest'
import { GenerationFailedError, NetworkError, RateLimitError, type TaskGenerator } from '../../src/index.js'
import { fakeContext, fakeTaskGenerator } from '../../src/testing/index.js'

const REQUEST = { prompt: 'A cat playing piano' }
const VIDEO = { id: 'gen_1', url: 'https://videos.openai.com/az/files/00000000-82cc-7285-bf93-f29e2b5d9ab8/raw' }
const COMPLETED = { state: 'completed', video: VIDEO }

async function polls(generator: TaskGenerator, count: number, id = 'task_1') {
  const statuses: unknown[] = []
  for (let poll = 0; poll < count; poll += 1) {
    statuses.push(await generator.poll({ id }, fakeContext()).catch((error: unknown) => error))
  }
  return statuses
}

test('without options a job runs for one poll and is completed', async () => {
  const generator = fakeTaskGenerator()
  const context = fakeContext()
  expect(await generator.start(REQUEST, context)).toEqual({ operation: { id: 'task_1' } })
  expect(await polls(generator, 3)).toEqual([{ state: 'running', ratio: 0.5 }, COMPLETED, COMPLETED])
  expect(generator).toMatchObject({
    name: 'fake-task-generator',
    startCount: 1,
    pollCount: 3,
    cancelCount: 0,
    findCount: 0,
  })
  expect(generator.calls).toEqual([
    { input: REQUEST, runId: 'run_1', idempotencyKey: 'key_1', at: context.clock.now() },
  ])
})

test('a list of statuses is played, and then the job is completed', async () => {
  const missed = new NetworkError('Could not poll: reset')
  const generator = fakeTaskGenerator({ polls: [{ state: 'queued' }, missed, { state: 'running', pollAfterMs: 5 }] })
  expect(await polls(generator, 4)).toEqual([
    { state: 'queued' },
    missed,
    { state: 'running', pollAfterMs: 5 },
    COMPLETED,
  ])
})

test('a terminal status stays, and a list may end with a missed poll', async () => {
  const failed = { state: 'failed' as const, error: new GenerationFailedError('Could not generate: server_error') }
  expect(await polls(fakeTaskGenerator({ polls: [failed] }), 3)).toEqual([failed, failed, failed])
  const missed = new NetworkError('Could not poll: reset')
  expect(await polls(fakeTaskGenerator({ polls: [missed] }), 2)).toEqual([missed, COMPLETED])
  expect(await polls(fakeTaskGenerator({ polls: [] }), 1)).toEqual([COMPLETED])
})

test('a number of polls counts for each job; Infinity never ends and invents no ratio', async () => {
  const generator = fakeTaskGenerator({ polls: 2 })
  await polls(generator, 2, 'task_1')
  expect(await polls(generator, 3, 'task_2')).toEqual([
    { state: 'running', ratio: 1 / 3 },
    { state: 'running', ratio: 2 / 3 },
    COMPLETED,
  ])
  expect(await polls(fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY }), 2)).toEqual([
    { state: 'running' },
    { state: 'running' },
  ])
  expect(await fakeTaskGenerator({ polls: 0 }).poll('an operation of another make', fakeContext())).toEqual(COMPLETED)
})

test('submissions can be refused one by one', async () => {
  const refusal = new RateLimitError('Could not start: 429')
  const generator = fakeTaskGenerator({ starts: [refusal, 'accepted'] })
  await expect(generator.start(REQUEST, fakeContext())).rejects.toBe(refusal)
  expect(await generator.start(REQUEST, fakeContext())).toEqual({ operation: { id: 'task_2' } })
  expect(await generator.start(REQUEST, fakeContext())).toEqual({ operation: { id: 'task_3' } })
  expect(generator.startCount).toBe(3)
})

test('the video can be made from the request', async () => {
  const generator = fakeTaskGenerator({
    polls: 0,
    video: (request) => ({ ...VIDEO, id: request?.prompt ?? 'unknown' }),
  })
  await generator.start(REQUEST, fakeContext())
  expect(await polls(generator, 1)).toMatchObject([{ video: { id: REQUEST.prompt } }])
  expect(await polls(generator, 1, 'task_of_another_process')).toMatchObject([{ video: { id: 'unknown' } }])
})

test('find exists when jobs are configured for it', async () => {
  expect(fakeTaskGenerator()).not.toHaveProperty('find')
  const submission = { idempotency: 'none', lookup: 'key' } as const
  const generator = fakeTaskGenerator({ submission, found: [{ id: 'task_1' }] })
  expect(generator.submission).toEqual(submission)
  expect(await generator.find?.(REQUEST, fakeContext())).toEqual([{ id: 'task_1' }])
  await expect(generator.find?.(REQUEST, fakeContext({ signal: AbortSignal.abort('early') }))).rejects.toBe('early')
  expect(generator.findCount).toBe(1)
})

test('pollMany exists when it is configured, and gives the status of the next poll of each job', async () => {
  expect(fakeTaskGenerator()).not.toHaveProperty('pollMany')
  const missed = new NetworkError('Could not poll: reset')
  const generator = fakeTaskGenerator({ pollMany: true, polls: [{ state: 'queued' }, missed, { state: 'running' }] })
  const list = (...ids: readonly string[]) =>
    generator.pollMany?.(
      ids.map((id) => ({ id })),
      fakeContext(),
    )
  expect(await list('task_1', 'task_2')).toEqual([{ state: 'queued' }, { state: 'queued' }])
  expect(await list('task_2')).toEqual([undefined])
  expect(await polls(generator, 2)).toEqual([missed, { state: 'running' }])
  expect(await list('task_1', 'task_2')).toEqual([COMPLETED, undefined])
  expect(await list('task_1', 'task_3')).toEqual([COMPLETED, { state: 'queued' }])
  expect(generator).toMatchObject({ pollManyCount: 4, pollCount: 2 })
  await expect(generator.pollMany?.([], fakeContext({ signal: AbortSignal.abort('early') }))).rejects.toBe('early')
})

test('pollMany can fail', async () => {
  const generator = fakeTaskGenerator({ pollMany: new NetworkError('Could not list: reset') })
  await expect(generator.pollMany?.([], fakeContext())).rejects.toThrow('reset')
})

test('cancel gives the configured outcome', async () => {
  const cancel = (outcome?: 'too-late' | Error) =>
    fakeTaskGenerator({ cancel: outcome }).cancel({ id: 'task_1' }, fakeContext())
  expect(await cancel()).toBe('cancelled')
  expect(await cancel('too-late')).toBe('too-late')
  await expect(cancel(new NetworkError('Could not cancel: reset'))).rejects.toThrow('reset')
})

test.each(['start', 'poll', 'pollMany', 'cancel'] as const)('%s can hang until an abort', async (hangs) => {
  const generator = fakeTaskGenerator({ hangs, pollMany: true })
  const controller = new AbortController()
  const context = fakeContext({ signal: controller.signal })
  const calls = {
    start: () => generator.start(REQUEST, context),
    poll: () => generator.poll({ id: 'task_1' }, context),
    pollMany: async () => generator.pollMany?.([{ id: 'task_1' }], context),
    cancel: () => generator.cancel({ id: 'task_1' }, context),
  }
  for (const [name, call] of Object.entries(calls)) if (name !== hangs) await call()
  const settled = vi.fn()
  const hanging: Promise<unknown> = calls[hangs]()
  hanging.then(settled, settled)
  await context.clock.advance(1e6)
  expect(settled).not.toHaveBeenCalled()
  controller.abort('enough')
  await expect(hanging).rejects.toBe('enough')
  await expect(calls[hangs]()).rejects.toBe('enough')
  const { startCount, pollCount, pollManyCount, cancelCount } = generator
  expect([startCount, pollCount, pollManyCount, cancelCount]).toEqual([1, 1, 1, 1])
})

test('start and poll take their time', async () => {
  const context = fakeContext()
  const start = fakeTaskGenerator({ delayMs: 50 }).start(REQUEST, context)
  expect(await context.clock.runUntil(start)).toEqual({ operation: { id: 'task_1' } })
  expect(context.clock.monotonic()).toBe(50)
})
