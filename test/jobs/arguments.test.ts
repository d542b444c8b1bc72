import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { InvalidRequestError, memoryStore, SoraPipeline } from '../../src/index.js'
import {
  createQueueRunner,
  createWorker,
  type QueueRunner,
  type StandaloneRunnerOptions,
} from '../../src/jobs/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { isRedisSkipped, type RedisServer, startRedis } from '../stores/servers/redis-server.js'

describe.skipIf(isRedisSkipped)('a runner', () => {
  let redis: RedisServer
  let runner: QueueRunner
  const store = memoryStore()
  const generator = fakeTaskGenerator({ name: 'fake' })
  const connectionOf = () => ({ host: '127.0.0.1', port: redis.port })
  const request = { prompt: 'A cat' }
  const handle = { generator: 'fake', operation: { id: 'task_1' }, startedAt: Date.now() }

  beforeAll(async () => {
    redis = await startRedis()
    runner = createQueueRunner({ connection: connectionOf(), store, generator, onError: () => undefined })
    await runner.ready
  })
  afterAll(async () => {
    await runner?.close()
    await redis?.close()
  })

  const ids = [null, 5, {}, [], Symbol('a'), '', 'x'.repeat(256)]
  const methods: [string, (id: never) => unknown][] = [
    ['resume', (id) => runner.resume(id)],
    ['wake', (id) => runner.wake(id)],
    ['remove', (id) => runner.remove(id)],
    ['settle', (id) => runner.settle(id, 'not-submitted')],
    ['retry', (id) => runner.retry(id)],
    ['run', (id) => runner.run(request, { id })],
    ['adopt', (id) => runner.adopt(handle, { id })],
  ]

  it.each(methods)('names the id that %s cannot take', async (method, call) => {
    // For a new run, no id means one of its own.
    const absent = ['run', 'adopt'].includes(method) ? [] : [undefined]
    for (const id of [...absent, ...ids]) {
      const error = await thrownBy(() => call(id as never))
      expect(error, String(id)).toBeInstanceOf(InvalidRequestError)
      expect(String(error)).toContain('id is ')
    }
  })

  it.each<[string, (id: never) => unknown]>([
    ['get', (id) => runner.get(id)],
    ['openVideo', (id) => runner.openVideo(id)],
  ])('names the id that %s cannot take, and knows no run of a text that is none', async (_, call) => {
    for (const id of [undefined, null, 5, {}, [], Symbol('a')]) {
      const error = await thrownBy(() => call(id as never))
      expect(error, String(id)).toBeInstanceOf(InvalidRequestError)
      expect(String(error)).toContain('id is ')
    }
  })

  it.each<[string, () => unknown, string]>([
    ['run without a request', () => runner.run(undefined as never), 'request'],
    ['run with a text', () => runner.run('A cat' as never), 'request'],
    ['run with null as options', () => runner.run(request, null as never), 'options'],
    ['run with a number as options', () => runner.run(request, 5 as never), 'options'],
    ['run with a text as options', () => runner.run(request, 'id' as never), 'options'],
    ['run with an unknown option', () => runner.run(request, { ids: 'a' } as never), 'ids'],
    ['run with a number as signal', () => runner.run(request, { signal: 5 as never }), 'signal'],
    ['run with a number as owner', () => runner.run(request, { owner: 5 as never }), 'owner'],
    ['resume with null as options', () => runner.resume('a', null as never), 'options'],
    ['resume with an id as options', () => runner.resume('a', 'b' as never), 'options'],
    ['resume with an unknown option', () => runner.resume('a', { id: 'b' } as never), 'id'],
    ['resume with a controller', () => runner.resume('a', { signal: new AbortController() as never }), 'signal'],
    ['list with null', () => runner.list(null as never), 'query'],
    ['list with a number', () => runner.list(5 as never), 'query'],
    ['list with a wrong limit', () => runner.list({ limit: 0 }), 'limit'],
    ['openVideo with null as options', () => runner.openVideo('a', null as never), 'options'],
    ['openVideo with a wrong variant', () => runner.openVideo('a', { variant: 'gif' as never }), 'variant'],
    ['settle without a verdict', () => runner.settle('a', undefined as never), 'verdict'],
    ['settle with null', () => runner.settle('a', null as never), 'verdict'],
    ['settle with an unknown word', () => runner.settle('a', 'paid' as never), 'verdict'],
    ['retry with null as changes', () => runner.retry('a', null as never), 'changes'],
    ['retry with a text as changes', () => runner.retry('a', 'A dog' as never), 'changes'],
    ['adopt without a handle', () => runner.adopt(undefined as never), 'handle'],
    ['adopt with null', () => runner.adopt(null as never), 'handle'],
    ['adopt with an empty object', () => runner.adopt({} as never), 'handle'],
    ['adopt with null as options', () => runner.adopt(handle, null as never), 'options'],
    ['adopt with a text as request', () => runner.adopt(handle, { request: 'A cat' as never }), 'request'],
    ['close with null', () => runner.close(null as never), 'options'],
    ['close with a number', () => runner.close(5 as never), 'options'],
    ['close with a text as time', () => runner.close({ drainMs: '5' as never }), 'drainMs'],
    ['close with Infinity', () => runner.close({ drainMs: Number.POSITIVE_INFINITY }), 'drainMs'],
  ])('refuses %s', async (_, call, field) => {
    const error = await thrownBy(call)
    expect(error).toBeInstanceOf(InvalidRequestError)
    expect((error as InvalidRequestError).problems.map((problem) => problem.field)[0]).toContain(field)
    expect(runner.isClosing).toBe(false)
  })

  it('takes ids with any characters, and up to 255 of them', async () => {
    const pipeline = new SoraPipeline({ store, generator, pollSchedule: () => 20 })
    await using worker = createWorker(pipeline, { connection: connectionOf(), onError: () => undefined })
    await worker.ready
    for (const id of ['a:b:c', '42', 'ключ-🎬', '../x', ' ', '\u0000', '__proto__', 'é'.repeat(255)]) {
      expect(await runner.run(request, { id }).result).toMatchObject({ runId: id })
      expect(await runner.get(id)).toMatchObject({ status: 'completed' })
    }
  })

  it('may be closed twice and with await using, and is refused afterwards with typed errors', async () => {
    const options: StandaloneRunnerOptions = { connection: connectionOf(), store, generator, queueName: 'own' }
    let closed: QueueRunner
    {
      await using here = createQueueRunner(options)
      await here.ready
      closed = here
      await Promise.all([here.close(), here.close({ drainMs: 0 })])
    }
    await closed.close()
    expect(closed.isClosing).toBe(true)
    const refused = { code: 'run-state', isRetryable: true }
    const calls: [string, () => unknown][] = [
      ['run', () => closed.run(request)],
      ['resume', () => closed.resume('a')],
      ['settle', () => closed.settle('a', 'not-submitted')],
      ['retry', () => closed.retry('a')],
      ['adopt', () => closed.adopt(handle)],
      ['wake', () => closed.wake('a:b:c')],
    ]
    for (const [name, call] of calls) expect(await thrownBy(call), name).toMatchObject(refused)
    expect(await closed.get('a:b:c')).toMatchObject({ status: 'completed' })
    expect(await closed.list({ limit: 1 })).toHaveLength(1)
  })

  it.each<[string, unknown[]]>([
    ['nothing', []],
    ['null', [null]],
    ['a number', [5]],
    ['a function', [() => undefined]],
    ['a list', [[]]],
    ['a pipeline alone', [new SoraPipeline({ generator, store })]],
    ['a pipeline and null', [new SoraPipeline({ generator, store }), null]],
    ['a pipeline and a text', [new SoraPipeline({ generator, store }), 'redis://localhost']],
    ['options in the place of the pipeline', [{ generator, store }, { connection: { host: 'a' } }]],
    ['null and options', [null, { connection: { host: 'a' } }]],
  ])('is not created with %s', (_, given) => {
    const create = createQueueRunner as unknown as (...all: unknown[]) => unknown
    expect(() => create(...given)).toThrow(/^Could not configure createQueueRunner: /)
    const work = createWorker as unknown as (...all: unknown[]) => unknown
    expect(() => work(...given)).toThrow(/^Could not configure createWorker: /)
  })
})

async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return undefined
}
