import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import {
  fallback,
  isSoraPipelineError,
  type OneShotGenerator,
  SoraPipeline,
  type TaskGenerator,
  toOpenAiError,
  type VideoRequest,
} from '../../../../src/index.js'
import { videoModelGenerator } from '../../../../src/strategies/index.js'
import { fakeContext, fakeTaskGenerator, manualClock } from '../../../../src/testing/index.js'
import { deadOrigin } from '../../../upstream/loopback-server.js'
import { type Answer, KEY, PROVIDERS, providerServer } from './provider-server.js'

const PROMPT = 'canary-prompt-0123456789'
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const REQUEST: VideoRequest = { prompt: PROMPT, image: { bytes: PNG, mediaType: 'image/png' } }
const TASKS = Object.keys(PROVIDERS).filter((name) => PROVIDERS[name]?.isOneShot !== true)
const ONE_SHOTS = ['bytedance', 'openrouter']

async function setUp(name: string, answers: Parameters<typeof providerServer>[1] = {}) {
  const provider = PROVIDERS[name]
  if (provider === undefined) throw new Error(`Could not find the provider: ${name}`)
  const server = await providerServer(provider, answers)
  const generator = videoModelGenerator(provider.model(server.origin), {
    allowPrivateAddresses: [new URL(server.origin).host],
    providerOptions: { bytedance: { pollIntervalMs: 10 } },
  })
  return { server, provider, generator, task: generator as TaskGenerator }
}

async function thrownBy(call: Promise<unknown>): Promise<Error> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!isSoraPipelineError(thrown)) throw new Error(`Could not get an error of the library: ${inspect(thrown)}`)
  return thrown
}

function expectClean(error: Error): void {
  const whole = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify([error, toOpenAiError(error)])
  expect(whole).not.toContain(PROMPT)
  expect(whole).not.toContain(KEY)
  expect(whole).not.toContain(PNG.toString('base64').slice(0, 40))
  expect(whole).not.toContain('requestBodyValues')
}

const message = { error: { message: 'not today' }, message: 'not today', detail: 'not today' }
const REFUSED: readonly (readonly [number, string])[] = [
  [400, 'upstream-http'],
  [401, 'authentication'],
  [402, 'quota-exceeded'],
  [422, 'upstream-http'],
  [429, 'rate-limited'],
  [503, 'overloaded'],
]
const UNKNOWN: readonly (readonly [string, Answer])[] = [
  ['500', [500, message]],
  ['502', [502, '<html>bad gateway</html>']],
  ['504', [504, message]],
  ['a page with 200', [200, '<html>hello</html>']],
  ['an empty object', {}],
  ['a reset', 'reset'],
]

describe.each(TASKS)('a submission to %s', (name) => {
  it.each(REFUSED)('that is answered with %d was refused', async (status, code) => {
    const { task, server } = await setUp(name, { created: () => [status, message] })
    const error = await thrownBy(task.start(REQUEST, fakeContext()))
    expect(error).toMatchObject({ code })
    expect(server.creates()).toHaveLength(1)
    expectClean(error)
  })

  it.each(UNKNOWN)('that is answered with %s has an unknown outcome', async (_, answer) => {
    const { task, server } = await setUp(name, { created: () => answer })
    const error = await thrownBy(task.start(REQUEST, fakeContext()))
    expect(error).toMatchObject({ code: 'submission-unknown' })
    expect(server.creates()).toHaveLength(1)
    expectClean(error)
  })

  it('to a port without a listener was refused', async () => {
    const { provider } = await setUp(name)
    const generator = videoModelGenerator(provider.model(await deadOrigin())) as TaskGenerator
    const error = await thrownBy(generator.start(REQUEST, fakeContext()))
    expect(error).toMatchObject({ code: 'network', isRefusal: true })
    expectClean(error)
  })

  it('that is aborted rejects with the reason itself', async () => {
    const { task } = await setUp(name)
    const reason = new Error('enough')
    const controller = new AbortController()
    const started = task.start(REQUEST, fakeContext({ signal: controller.signal }))
    controller.abort(reason)
    await expect(started).rejects.toBe(reason)
  })
})

describe.each(ONE_SHOTS)('a call of %s, which polls itself', (name) => {
  it.each(REFUSED)('whose create is answered with %d was refused', async (status, code) => {
    const { generator, server } = await setUp(name, { created: () => [status, message] })
    const error = await thrownBy((generator as OneShotGenerator).generate(REQUEST, fakeContext()))
    expect(error).toMatchObject({ code })
    expect(server.creates()).toHaveLength(1)
    expectClean(error)
  })

  it.each([401, 404, 429, 500, 503])('whose poll is answered with %d has an unknown outcome', async (status) => {
    const { generator, server } = await setUp(name, { polls: [() => [status, message]] })
    const error = await thrownBy((generator as OneShotGenerator).generate(REQUEST, fakeContext()))
    expect(error).toMatchObject({ code: 'submission-unknown' })
    expect(server.creates()).toHaveLength(1)
    expectClean(error)
  })
})

it('a job that ByteDance reports as failed counts as failed, without the reason, which its package drops', async () => {
  const failed = { id: 'job_1', status: 'failed', error: { code: 'InputTextSensitiveContentDetected' } }
  const { generator } = await setUp('bytedance', { polls: [() => failed] })
  const error = await thrownBy((generator as OneShotGenerator).generate(REQUEST, fakeContext()))
  expect(error).toMatchObject({ code: 'generation-failed' })
  expectClean(error)
})

describe('a poll of fal, whose package reports every failure of a poll as the error of the job', () => {
  const faults: readonly (readonly [string, Answer])[] = [
    ['429', [429, message]],
    ['503', [503, message]],
    ['500', [500, message]],
    ['a reset', 'reset'],
    ['a page', [200, '<html>hello</html>']],
  ]
  it.each(faults)('that fails with %s is no verdict until it is confirmed', async (_, fault) => {
    const { provider, task } = await setUp('fal', {
      polls: [() => fault, () => fault, PROVIDERS.fal?.completed ?? (() => ({}))],
    })
    const context = fakeContext()
    const { operation } = await task.start({ prompt: PROMPT }, context)
    for (const _time of ['once', 'twice']) {
      const status = await task.poll(operation, context)
      expect(status).toEqual({ state: 'running' })
      context.clock.advance(60_000)
    }
    expect(await task.poll(operation, context)).toMatchObject({ state: 'completed', video: { id: 'job_1' } })
    expect(context.warnings).toEqual([expect.objectContaining({ code: 'unconfirmed-failure' })])
    expect(provider.options).toBe('fal')
  })

  it('does not lead to a second payment', async () => {
    const completed = PROVIDERS.fal?.completed ?? (() => ({}))
    const { server, generator } = await setUp('fal', { polls: [() => [429, message], () => 'reset', completed] })
    const next = fakeTaskGenerator()
    const pipeline = new SoraPipeline({ generator: fallback(generator, next), pollSchedule: () => 5 })
    const { url } = await pipeline.generate({ prompt: PROMPT })
    expect([url, server.creates().length, next.calls.length]).toEqual([`${server.origin}/file.mp4`, 1, 0])
  })

  it('counts as failed after three in a row over at least 15 seconds', async () => {
    const clock = manualClock()
    const { task } = await setUp('fal', { polls: [() => [422, message]] })
    const context = fakeContext({ clock })
    const { operation } = await task.start({ prompt: PROMPT }, context)
    const states: string[] = []
    for (const waitMs of [0, 5_000, 5_000, 4_999, 1]) {
      await clock.advance(waitMs)
      states.push((await task.poll(operation, context)).state)
    }
    expect(states).toEqual(['running', 'running', 'running', 'running', 'failed'])
  })

  it('starts again after a poll without an error', async () => {
    const clock = manualClock()
    const bad = (): Answer => [422, message]
    const pending = PROVIDERS.fal?.pending ?? (() => ({}))
    const { task } = await setUp('fal', { polls: [bad, bad, pending, bad, bad, bad] })
    const context = fakeContext({ clock })
    const { operation } = await task.start({ prompt: PROMPT }, context)
    const states: string[] = []
    for (let poll = 0; poll < 6; poll += 1) {
      states.push((await task.poll(operation, context)).state)
      await clock.advance(10_000)
    }
    expect(states).toEqual(['running', 'running', 'running', 'running', 'running', 'failed'])
  })
})

describe('a poll', () => {
  it.each(['replicate', 'google', 'xai', 'minimax', 'alibaba', 'black-forest-labs', 'gateway'])(
    'of %s that is answered with 503 is missed',
    async (name) => {
      const { task } = await setUp(name, { polls: [() => [503, message]] })
      const { operation } = await task.start({ prompt: PROMPT }, fakeContext())
      const error = await thrownBy(task.poll(operation, fakeContext()))
      expect(error).toMatchObject({ isRetryable: true })
      expectClean(error)
    },
  )

  it('of Replicate with the status aborted, which its package cannot read, is missed', async () => {
    const aborted = (origin: string) => ({
      id: 'job_1',
      status: 'aborted',
      urls: { get: `${origin}/predictions/job_1` },
    })
    const { task } = await setUp('replicate', { polls: [aborted] })
    const { operation } = await task.start({ prompt: PROMPT }, fakeContext())
    expect(await thrownBy(task.poll(operation, fakeContext()))).toMatchObject({
      code: 'upstream-response',
      isRetryable: true,
    })
  })

  it('of Alibaba with the status UNKNOWN, which an expired task has for ever, is not an end', async () => {
    const { task } = await setUp('alibaba', {
      polls: [() => ({ output: { task_id: 'job_1', task_status: 'UNKNOWN' } })],
    })
    const { operation } = await task.start({ prompt: PROMPT }, fakeContext())
    expect(await task.poll(operation, fakeContext())).toEqual({ state: 'running' })
  })

  it('of Google that finished without a video is a permanent failure', async () => {
    const filtered = { name: 'o', done: true, response: { generateVideoResponse: { raiMediaFilteredCount: 1 } } }
    const { task } = await setUp('google', { polls: [() => filtered] })
    const { operation } = await task.start({ prompt: PROMPT }, fakeContext())
    expect(await thrownBy(task.poll(operation, fakeContext()))).toMatchObject({ isRetryable: false })
  })
})
