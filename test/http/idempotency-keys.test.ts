import { describe, expect, it } from 'vitest'
import {
  AuthenticationError,
  fallback,
  memoryStore,
  type SoraPipelineOptions,
  SubmissionUnknownError,
  withCircuitBreaker,
} from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { handlerOf } from './handler-call.js'

const refused = new AuthenticationError('Could not create, the key is wrong: host')
const lost = new SubmissionUnknownError('Could not learn the outcome: host')
const body = { model: 'sora-2', prompt: 'A cat playing piano' }
const headers = { 'idempotency-key': 'order-1' }

function backend(options: Partial<SoraPipelineOptions>) {
  const made = handlerOf({ apiKeys: ['key-of-alice-1234567'] }, options)
  const post = (more: object = {}) =>
    made.json('POST', '/v1/videos', { key: 'key-of-alice-1234567', headers, body: { ...body, ...more } })
  return { ...made, post }
}

describe('a key whose every submission was refused', () => {
  it('starts a new run with the next request', async () => {
    const generator = fakeTaskGenerator({ starts: [refused, refused] })
    const { post, pipeline } = backend({ generator })
    const answers = [await post(), await post(), await post(), await post()]
    expect(answers.map(({ status }) => status >= 400)).toEqual([true, true, false, false])
    expect(answers[3]?.body.id).toBe(answers[2]?.body.id)
    expect(generator.startCount).toBe(3)
    await pipeline.resume(answers[2]?.body.id).result
    expect((await post()).body).toMatchObject({ id: answers[2]?.body.id, status: 'completed' })
  })

  it('starts one new run for concurrent requests', async () => {
    const generator = fakeTaskGenerator({ starts: [refused] })
    const { post } = backend({ generator })
    await post()
    const answers = await Promise.all([post(), post(), post()])
    expect(new Set(answers.map(({ body: { id } }) => id)).size).toBe(1)
    expect(generator.startCount).toBe(2)
  })

  it('refuses another body', async () => {
    const generator = fakeTaskGenerator({ starts: [refused] })
    const { post } = backend({ generator })
    await post()
    expect(await post({ prompt: 'A dog' })).toMatchObject({ status: 409 })
    expect(generator.startCount).toBe(1)
    expect(await post()).toMatchObject({ status: 200 })
    expect(await post({ prompt: 'A dog' })).toMatchObject({ status: 409 })
  })

  it('starts a new run also when the store has forgotten all but the refusal', async () => {
    const generator = fakeTaskGenerator({ starts: [refused] })
    const { post } = backend({ generator, store: memoryStore({ maxEnded: 0 }) })
    expect((await post()).status).toBeGreaterThanOrEqual(400)
    expect(await post()).toMatchObject({ status: 200 })
    expect(generator.startCount).toBe(2)
  })

  it('starts a new run after any number of refusals', async () => {
    const generator = fakeTaskGenerator({ starts: Array.from({ length: 20 }, () => refused) })
    const { post } = backend({ generator })
    for (let count = 1; count <= 20; count += 1) expect((await post()).status).toBeGreaterThanOrEqual(400)
    const { body: video, status } = await post()
    expect([status, generator.startCount]).toEqual([200, 21])
    expect((await post()).body.id).toBe(video.id)
  })

  it('is answered with its video when the store has forgotten the refusals before it', async () => {
    const generator = fakeTaskGenerator({ starts: [refused, refused] })
    const store = memoryStore()
    const { post, pipeline } = backend({ generator, store })
    const refusals = new Set<string>()
    const create = store.create
    store.create = (id, state) => {
      refusals.add(id)
      return create(id, state)
    }
    await post()
    await post()
    const { body: video } = await post()
    await pipeline.resume(video.id).result
    const load = store.load
    store.load = async (id) => (refusals.has(id) && id !== video.id ? undefined : load(id))
    expect((await post()).body.id).toBe(video.id)
    expect(generator.startCount).toBe(3)
  })

  it('counts a generator that was never called', async () => {
    const first = withCircuitBreaker(fakeTaskGenerator({ name: 'first', starts: [refused, refused] }), { failures: 1 })
    const second = fakeTaskGenerator({ name: 'second', starts: [refused, refused] })
    const { post } = backend({ generator: fallback(first, second) })
    for (let count = 0; count < 2; count += 1) expect((await post()).status).toBeGreaterThanOrEqual(400)
    expect(await post()).toMatchObject({ status: 200 })
    expect(second.startCount).toBe(3)
  })

  it('counts the refusals of a whole chain', async () => {
    const first = fakeTaskGenerator({ name: 'first', starts: [refused] })
    const second = fakeTaskGenerator({ name: 'second', starts: [refused] })
    const { post } = backend({ generator: fallback(first, second) })
    expect((await post()).status).toBeGreaterThanOrEqual(400)
    expect(await post()).toMatchObject({ status: 200 })
    expect([first.startCount, second.startCount]).toEqual([2, 1])
  })
})

describe('a key is answered again', () => {
  it('with the video, whatever the store has forgotten', async () => {
    const generator = fakeTaskGenerator({})
    const { post, pipeline } = backend({ generator, store: memoryStore({ maxEnded: 0 }) })
    const { body: video } = await post()
    await pipeline.resume(video.id).result
    for (let count = 0; count < 3; count += 1)
      await pipeline.generate({ prompt: `Other ${count}` }, { id: `o${count}` })
    expect((await post()).body).toMatchObject({ id: video.id, status: 'completed' })
    expect(generator.startCount).toBe(4)
  })

  it('after a job that failed, and a refusal of the next generator', async () => {
    const failed = { state: 'failed', error: refused } as const
    const first = fakeTaskGenerator({ name: 'first', polls: [failed] })
    const second = fakeTaskGenerator({ name: 'second', starts: [refused] })
    const { post, ended } = backend({ generator: fallback(first, second) })
    const { body: video } = await post()
    await ended(video.id)
    await post()
    expect([first.startCount, second.startCount]).toEqual([1, 1])
  })

  it('after a review', async () => {
    const generator = fakeTaskGenerator({ starts: [lost] })
    const { post } = backend({ generator })
    await post()
    await post()
    expect(generator.startCount).toBe(1)
  })

  it('after a one-shot generator that took too long', async () => {
    const clock = manualClock()
    const generator = fakeGenerator({ hangs: true })
    const { post } = backend({ generator, clock, deadlines: { generateMs: 1000 } })
    const first = post()
    await clock.advance(10)
    await clock.advance(5000)
    await first
    await post()
    expect(generator.calls).toHaveLength(1)
  })

  it('after an unknown submission that was absent, and then refused', async () => {
    const clock = manualClock()
    const submission = { idempotency: 'none', lookup: 'fingerprint', settleMs: 0 } as const
    const generator = fakeTaskGenerator({ starts: [lost, refused], submission, found: [] })
    const { post } = backend({ generator, clock })
    const first = post()
    await clock.advance(10_000)
    await first
    await post()
    expect(generator.startCount).toBe(2)
  })

  it('after an abort', async () => {
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const { post, pipeline } = backend({ generator })
    const { body: video } = await post()
    await pipeline.resume(video.id).cancel()
    await post()
    expect(generator.startCount).toBe(1)
  })
})
