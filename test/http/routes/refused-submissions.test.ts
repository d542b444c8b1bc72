import { describe, expect, it } from 'vitest'
import { fallback, QuotaExceededError, SubmissionUnknownError } from '../../../src/index.js'
import { fakeTaskGenerator, manualClock } from '../../../src/testing/index.js'
import { chatBody, framesOf, handlerOf } from '../handler-call.js'

const BODY = {
  error: {
    message:
      'Could not submit the video: ann has spent 12 USD. This server refused the request before anything was sent to a video provider.',
    type: 'insufficient_quota',
    param: null,
    code: 'insufficient_quota',
  },
}

function setUp(beforeSubmit: () => string | undefined) {
  const generators = [fakeTaskGenerator({ name: 'first' }), fakeTaskGenerator({ name: 'second' })] as const
  const world = handlerOf({}, { generator: fallback(...generators), beforeSubmit })
  return { ...world, sent: () => generators.reduce((sum, { startCount }) => sum + startCount, 0) }
}

describe('a submission that beforeSubmit refuses', () => {
  it.each([
    ['returning a reason', () => 'ann has spent 12 USD'],
    [
      'throwing',
      () => {
        throw new QuotaExceededError('Could not submit the video: ann has spent 12 USD')
      },
    ],
  ])('by %s is answered 402 in the format of OpenAI, on every route', async (_, refuse) => {
    const { json, call, sent } = setUp(refuse)
    for (const [path, body] of [
      ['/v1/videos', { prompt: 'A cat' }],
      ['/v1/chat/completions', chatBody('A cat')],
      ['/v1/chat/completions', chatBody('A cat', { stream: true })],
    ] as const) {
      const answer = await json('POST', path, { body })
      expect([answer.status, answer.body]).toEqual([402, BODY])
      expect(answer.headers.get('x-run-id')).not.toBeNull()
    }
    expect(sent()).toBe(0)
    expect((await call('GET', '/v1/videos')).status).toBe(200)
  })

  it('is submitted once it is allowed, under the same Idempotency-Key', async () => {
    let isAllowed = false
    const { json, sent } = setUp(() => (isAllowed ? undefined : 'ann has spent 12 USD'))
    const create = () => json('POST', '/v1/videos', { body: { prompt: 'A cat' }, headers: { 'idempotency-key': 'k' } })
    expect((await create()).status).toBe(402)
    isAllowed = true
    expect((await create()).status).toBe(200)
    expect(sent()).toBe(1)
  })

  it('because the function fails is answered 500 without details, which the operator gets', async () => {
    const { json, sent, errors } = setUp(() => {
      throw new TypeError('Cannot read budget of ann')
    })
    const { status, body } = await json('POST', '/v1/videos', { body: { prompt: 'A cat' } })
    expect([status, body.error.code]).toEqual([500, 'configuration_error'])
    expect(JSON.stringify(body)).not.toContain('ann')
    expect(String(errors[0])).toContain('beforeSubmit() failed: TypeError: Cannot read budget of ann')
    expect(sent()).toBe(0)
  })
})

describe('a submission whose answer was lost, and that a lookup past the deadline proves absent', () => {
  const setUpLost = () => {
    const clock = manualClock()
    const lost = new SubmissionUnknownError('Could not learn the outcome: host')
    const submission = { idempotency: 'none', lookup: 'fingerprint', settleMs: 60_000 } as const
    const generator = fakeTaskGenerator({ name: 'first', starts: [lost], found: [], submission })
    const deadlines = { generateMs: 20_000 }
    return { clock, generator, ...handlerOf({ clock }, { clock, generator, deadlines, pollSchedule: () => 1000 }) }
  }
  const ERROR = {
    message:
      'Could not generate with first in time: 20000 ms, nothing was accepted. No video is in progress: wait and send the request again.',
    type: 'server_error',
    param: null,
    code: 'overloaded',
  }

  it.each([false, true])('is answered 503, and may be sent again (stream: %s)', async (stream) => {
    const { clock, call } = setUpLost()
    const answer = await clock.runUntil(call('POST', '/v1/chat/completions', { body: chatBody('A cat', { stream }) }))
    const text = await clock.runUntil(answer.text())
    expect(text).toContain(JSON.stringify(ERROR).slice(1, -1))
    if (stream) return
    expect(answer.status).toBe(503)
    expect(answer.headers.get('x-should-retry')).toBeNull()
  })

  it('is distinguished from a video in progress, and submitted again under the same Idempotency-Key', async () => {
    const { clock, generator, json, pipeline } = setUpLost()
    const create = () => json('POST', '/v1/videos', { body: { prompt: 'A cat' }, headers: { 'idempotency-key': 'k' } })
    const { body } = await clock.runUntil(create())
    await clock.runUntil(pipeline.resume(body.id).result).catch(() => undefined)
    const read = await json('GET', `/v1/videos/${body.id}`)
    expect(read.body).toMatchObject({ status: 'failed', error: { code: 'overloaded', message: ERROR.message } })
    expect(generator.startCount).toBe(1)
    const again = await clock.runUntil(create())
    expect((await clock.runUntil(pipeline.resume(again.body.id).result)).servedBy).toBe('generator')
    expect(generator.startCount).toBe(2)
  })
})

describe('the cost of a video', () => {
  it('is in the usage of a stream that asks for it', async () => {
    const video = { id: 'gen_1', url: 'https://cdn.example/a.mp4', usage: { cost: 0.4 } }
    const { call } = handlerOf({}, { generator: fakeTaskGenerator({ video }) })
    const body = chatBody('A cat', { stream: true, stream_options: { include_usage: true } })
    const frames = await framesOf(await call('POST', '/v1/chat/completions', { body }))
    expect(JSON.parse(frames.at(-2) ?? '{}').usage).toMatchObject({ total_tokens: 0, cost: 0.4, currency: 'USD' })
  })
})
