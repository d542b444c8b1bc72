import { createServer } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { createHandler, createWakeUrl, type HandlerOptions, toNodeListener } from '../../../src/http/index.js'
import { memoryStore, RunStateError, SoraPipeline } from '../../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { handlerOf } from '../handler-call.js'
import { serve } from '../node/serve.js'

const contentSecret = 'a-secret-of-the-tests'
const pathOf = (id: string, secret = contentSecret, base = '/v1') =>
  new URL(createWakeUrl({ baseUrl: `https://backend.example${base}`, contentSecret: secret })(id)).pathname

/** A handler in front of a job that is polled once an hour, unless it is woken. */
function setUp(options: HandlerOptions = {}, polls = Number.POSITIVE_INFINITY) {
  const clock = manualClock()
  const generator = fakeTaskGenerator({ polls })
  const store = memoryStore({ clock })
  const world = handlerOf(
    { clock, contentSecret, apiKeys: ['key'], ...options },
    { generator, clock, store, pollSchedule: () => 3_600_000 },
  )
  return { ...world, clock, generator, store }
}

async function waiting(options: HandlerOptions = {}, polls?: number) {
  const world = setUp(options, polls)
  const run = world.pipeline.run({ prompt: 'A cat' }, { id: 'run_1' })
  await world.clock.advance(10)
  return { ...world, run }
}

describe('a webhook of an upstream', () => {
  it('polls the job at once, without a key and whatever its body is', async () => {
    for (const body of [undefined, { status: 'failed', id: 'run_2' }, 'not json', new Uint8Array(100_000)]) {
      const { call, clock, generator, run } = await waiting({}, 0)
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
      const answer = await call('POST', pathOf('run_1'), { body, headers })
      expect([answer.status, await answer.text()]).toEqual([204, ''])
      await clock.advance(1)
      expect(generator.pollCount).toBe(1)
      expect((await run.result).url).toContain('https://')
    }
  })

  it('is answered the same for a run that has ended, was removed, or was never there', async () => {
    const { call, clock, pipeline, run, errors } = await waiting({}, 0)
    pipeline.wake('run_1')
    await clock.runUntil(run.result)
    await pipeline.run({ prompt: 'A dog' }, { id: 'run_2' }).cancel()
    await pipeline.remove('run_2')
    for (const id of ['run_1', 'run_2', 'run_3', 'x'.repeat(300)]) {
      const answer = await call('POST', pathOf(id))
      expect([answer.status, await answer.text(), [...answer.headers]]).toEqual([204, '', []])
    }
    expect(errors).toEqual([])
  })

  it('with a token that is not valid is answered 404 and reaches no run', async () => {
    const { call, json, clock, generator, store } = await waiting()
    const load = vi.spyOn(store, 'load')
    const valid = pathOf('run_1')
    for (const path of [
      pathOf('run_1', 'another-secret-of-16'),
      `${valid}A`,
      valid.slice(0, -1),
      '/v1/wake/run_1',
      '/v1/wake/%00',
    ]) {
      const { status, body } = await json('POST', path, { body: { id: 'run_1' } })
      expect([status, body.error.code]).toEqual([404, 'unknown_url'])
      expect(body.error.message).toBe('Could not wake a run: the token of the address is not valid')
    }
    expect((await call('POST', `${valid}/more`)).status).toBe(404)
    await clock.advance(5_000)
    expect(generator.pollCount).toBe(0)
    expect(load).not.toHaveBeenCalled()
    await call('POST', valid)
    await clock.advance(1)
    expect(generator.pollCount).toBe(1)
  })

  it('is a POST: every other method is answered 405', async () => {
    const { json, generator, clock } = await waiting()
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const { status, headers, body } = await json(method, pathOf('run_1'))
      expect([status, headers.get('allow'), body.error.code]).toEqual([405, 'POST', 'method_not_allowed'])
    }
    await clock.advance(5_000)
    expect(generator.pollCount).toBe(0)
  })

  it('is answered below the path of the handler', async () => {
    const { call } = await waiting({ basePath: '/api' })
    expect((await call('POST', pathOf('run_1', contentSecret, '/api'))).status).toBe(204)
    expect((await call('POST', pathOf('run_1'))).status).toBe(404)
  })

  it('in a flood costs a poll a second', async () => {
    const { call, clock, generator } = await waiting()
    for (let round = 0; round < 40; round += 1) {
      const answers = await Promise.all(Array.from({ length: 25 }, () => call('POST', pathOf('run_1'))))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]))
      await clock.advance(100)
    }
    expect(generator.pollCount).toBe(5)
  })

  it('with a body above the limit is answered 413, and with one that never ends 408', async () => {
    const { call, clock, generator } = await waiting({ maxBodyBytes: 1_000, bodyTimeoutMs: 500 })
    expect((await call('POST', pathOf('run_1'), { body: new Uint8Array(1_001) })).status).toBe(413)
    expect((await call('POST', pathOf('run_1'), { body: new Uint8Array(1_000) })).status).toBe(204)
    const { handler } = await waiting({ bodyTimeoutMs: 500, clock })
    const endless = new ReadableStream({ pull: () => new Promise(() => undefined) })
    const init = { method: 'POST', body: endless, duplex: 'half' } as RequestInit
    const late = handler(new Request(`http://backend.example${pathOf('run_1')}`, init))
    await clock.advance(500)
    expect((await late).status).toBe(408)
    // What the body is like makes no difference to the job.
    expect(generator.pollCount).toBe(1)
  })

  it('while the store is down is answered 503, so that it is sent again', async () => {
    const { handler, errors } = setUp()
    const store = Object.assign(memoryStore(), { load: () => Promise.reject(new Error('connect ECONNREFUSED')) })
    const pipeline = new SoraPipeline({ generator: fakeTaskGenerator(), store })
    const other = createHandler(pipeline, { public: true, contentSecret, onError: (error) => errors.push(error) })
    const request = () => new Request(`http://backend.example${pathOf('run_1')}`, { method: 'POST' })
    const answer = await other(request())
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
    expect(errors).toHaveLength(1)
    expect((await handler(request())).status).toBe(204)
  })

  it('shows what the runner throws to the operator alone', async () => {
    const { pipeline } = setUp()
    const errors: unknown[] = []
    const runner = (error: unknown) => ({
      ...Object.fromEntries(
        ['run', 'resume', 'get', 'list', 'openVideo', 'remove'].map((name) => [name, () => undefined]),
      ),
      wake: () => Promise.reject(error),
    })
    const answerTo = async (error: unknown) => {
      const handler = createHandler(runner(error) as unknown as typeof pipeline, {
        public: true,
        contentSecret,
        onError: (thrown) => errors.push(thrown),
      })
      return handler(new Request(`http://backend.example${pathOf('run_1')}`, { method: 'POST' }))
    }
    const bug = await answerTo(new TypeError('x is not a function of run_1'))
    expect([bug.status, await bug.text()]).toEqual([500, expect.not.stringContaining('run_1')])
    expect(
      (await answerTo(new RunStateError('Could not wake the run, the store does not know it: run_1'))).status,
    ).toBe(204)
    expect(errors).toHaveLength(1)
  })

  it('is answered 404 where the runner cannot wake runs', async () => {
    const { pipeline } = setUp()
    const { run, resume, get, list, openVideo, remove } = SoraPipeline.prototype
    const methods = { run, resume, get, list, openVideo, remove }
    const runner = Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, method.bind(pipeline)]))
    const handler = createHandler(runner as never, { public: true, contentSecret })
    const answer = await handler(new Request(`http://backend.example${pathOf('run_1')}`, { method: 'POST' }))
    expect(answer.status).toBe(404)
  })

  it('is never accepted without contentSecret, which the operator learns once', async () => {
    const { call, errors } = await waiting({ contentSecret: undefined })
    expect((await call('POST', '/v1/wake/anything')).status).toBe(404)
    expect(errors).toEqual([])
    for (const id of ['run_1', 'run_2']) expect((await call('POST', pathOf(id))).status).toBe(404)
    expect(errors.map(String)).toEqual([
      'ConfigurationError: Could not configure createHandler: contentSecret is missing (give the secret of createWakeUrl: without it no webhook of an upstream is accepted)',
    ])
  })

  it('at a wrong path is answered without its token', async () => {
    const { json } = setUp()
    const path = pathOf('run_1', contentSecret, '/elsewhere')
    const { status, body } = await json('POST', path)
    expect([status, body.error.message]).toEqual([
      404,
      expect.stringContaining('POST /elsewhere/wake/[redacted] is not one of'),
    ])
  })

  it('arrives through node:http as well', async () => {
    const { handler, clock, generator } = await waiting()
    const { origin } = await serve(createServer(toNodeListener(handler)))
    for (const [method, status] of [
      ['POST', 204],
      ['GET', 405],
    ] as const) {
      const answer = await fetch(`${origin}${pathOf('run_1')}`, {
        method,
        ...(method === 'POST' && { body: '{"a":1}' }),
      })
      expect(answer.status).toBe(status)
      await answer.text()
    }
    await clock.advance(1)
    expect(generator.pollCount).toBe(1)
  })
})
