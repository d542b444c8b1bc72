import { describe, expect, it } from 'vitest'
import { GenerationFailedError, type TaskStatus, UpstreamHttpError } from '../../../src/index.js'
import { fakeTaskGenerator } from '../../../src/testing/index.js'
import { chatBody, handlerOf } from '../handler-call.js'

const CALLS = [
  ['a chat', '/v1/chat/completions', chatBody('A cat')],
  ['a streamed chat', '/v1/chat/completions', chatBody('A cat', { stream: true })],
  ['videos.create', '/v1/videos', { prompt: 'A cat' }],
] as const

function refused(status: number): Error {
  return new UpstreamHttpError(`Could not poll the job: host answered ${status}`, { status })
}

function setUp(polls: readonly (TaskStatus | Error)[], options = {}) {
  const generator = fakeTaskGenerator({ polls })
  const world = handlerOf({ acceptTimeoutMs: 1000, ...options }, { generator })
  const send = async (path: string, body: unknown) => {
    const response = await world.call('POST', path, { body })
    const id = response.headers.get('x-run-id') ?? ''
    const text = await response.text()
    await world.ended(id)
    return { id, text, status: response.status }
  }
  return { ...world, generator, send }
}

describe('a run whose paid job can no longer be polled', () => {
  const LASTING = CALLS.flatMap(([name, path, body]) => [400, 410, 422].map((status) => ({ name, path, body, status })))

  it.each(LASTING)('by $status is joined by an identical request: $name', async ({ path, body, status }) => {
    const { send, generator } = setUp([refused(status), refused(status), refused(status)])
    const first = await send(path, body)
    for (let again = 0; again < 3; again += 1) expect((await send(path, body)).id).toBe(first.id)
    expect(generator.startCount).toBe(1)
  })

  it('is answered with what to do with the job, not with the advice to change the request', async () => {
    const { send } = setUp([refused(410), refused(410), refused(410)])
    const [, path, body] = CALLS[0]
    for (const { text, status } of [await send(path, body), await send(path, body)]) {
      expect(status).toBe(502)
      expect(text).not.toMatch(/change it|its prompt|try again/)
      expect(text).toMatch(/may be paid.*do not send the request again.*settle.*handle/)
    }
  })

  it.each([
    ['with repeatWindowMs: 0', { repeatWindowMs: 0 }, CALLS[2][2]],
    ['for another prompt', {}, { prompt: 'A dog' }],
  ])('is not joined %s', async (_, options, body) => {
    const { send, generator } = setUp([refused(410), refused(410), refused(410)], options)
    await send('/v1/videos', { prompt: 'A cat' })
    await send('/v1/videos', body)
    expect(generator.startCount).toBe(2)
  })

  it('is not joined after the owner removed it', async () => {
    const { send, generator, call } = setUp([refused(410), refused(410), refused(410)])
    const { id } = await send('/v1/videos', { prompt: 'A cat' })
    expect((await call('DELETE', `/v1/videos/${id}`)).status).toBe(200)
    await send('/v1/videos', { prompt: 'A cat' })
    expect(generator.startCount).toBe(2)
  })
})

it.each(CALLS)('a job that failed at the upstream is followed by a new one: %s', async (_, path, body) => {
  const failed: TaskStatus = { state: 'failed', error: new GenerationFailedError('Could not generate') }
  const { send, generator } = setUp([failed])
  await send(path, body)
  await send(path, body)
  expect(generator.startCount).toBe(2)
})
