import { describe, expect, it } from 'vitest'
import { memoryStore, RunStateError, type RunStore } from '../../src/index.js'
import { fakeTaskGenerator } from '../../src/testing/index.js'
import { chatBody, framesOf, handlerOf } from './handler-call.js'

const CHAT = '/v1/chat/completions'
const VIDEOS = '/v1/videos'
const ELSEWHERE = /^Could not continue the run here.*: video_\w+\. The run is saved.*GET \/v1\/videos\/\{id\}/

/** Two processes over one store, whose jobs run until the test ends. */
function processes() {
  const store = memoryStore()
  const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
  const open = () => handlerOf({ acceptTimeoutMs: 1000 }, { store, generator })
  return { store, generator, first: open(), second: open() }
}

describe('a process that closes', () => {
  it('answers a waiting chat that its video continues, for which no client sends it again', async () => {
    const { generator, first } = processes()
    const waiting = first.json('POST', CHAT, { body: chatBody('A cat') })
    await expect.poll(() => generator.startCount).toBe(1)
    await first.pipeline.close()
    const { status, headers, body } = await waiting
    expect([status, headers.get('x-should-retry'), headers.get('retry-after')]).toEqual([503, 'false', null])
    expect(body.error).toMatchObject({ type: 'server_error', code: 'run_continues' })
    expect(body.error.message).toMatch(ELSEWHERE)
    const id = headers.get('x-run-id') ?? ''
    expect(body.error.message).toContain(id)
    expect(await first.pipeline.get(id)).toMatchObject({ status: 'running' })
    expect(first.errors).toEqual([])
  })

  it('names to each of several chats its own run', async () => {
    const { generator, first } = processes()
    const waiting = ['A cat', 'A dog', 'A bird'].map((prompt) => first.json('POST', CHAT, { body: chatBody(prompt) }))
    await expect.poll(() => generator.startCount).toBe(3)
    await first.pipeline.close()
    const answers = await Promise.all(waiting)
    for (const { headers, body } of answers) expect(body.error.message).toContain(headers.get('x-run-id'))
    expect(new Set(answers.map(({ headers }) => headers.get('x-run-id'))).size).toBe(3)
  })

  it('ends a stream with the id of its video, and not with the advice to send it again', async () => {
    const { generator, first } = processes()
    const stream = await first.call('POST', CHAT, { body: chatBody('A cat', { stream: true }) })
    const frames = framesOf(stream)
    await expect.poll(() => generator.startCount).toBe(1)
    await first.pipeline.close()
    const id = stream.headers.get('x-run-id')
    const [line = '', error = ''] = (await frames).slice(-3)
    const { content } = JSON.parse(line).choices[0].delta
    expect(content).toContain(`${id}. The run is saved`)
    expect(content).toContain('do not send the request again')
    expect(JSON.parse(error).error).toMatchObject({ code: 'run_continues', run_id: id })
  })

  it.each([
    ['without a mark', {}],
    ['with the mark of a retry', { 'x-stainless-retry-count': '1' }],
  ])('has an identical chat %s at another process join the run', async (_, headers) => {
    const { generator, first, second } = processes()
    const waiting = first.call('POST', CHAT, { body: chatBody('A cat') })
    await expect.poll(() => generator.startCount).toBe(1)
    await first.pipeline.close()
    const id = (await waiting).headers.get('x-run-id')
    const stream = await second.call('POST', CHAT, { headers, body: chatBody('A cat', { stream: true }) })
    expect(stream.headers.get('x-run-id')).toBe(id)
    await second.pipeline.close()
    await stream.text()
    expect(generator.startCount).toBe(1)
  })

  it('still has it join after the closed process was asked once more', async () => {
    const { generator, first, second } = processes()
    const waiting = first.call('POST', CHAT, { body: chatBody('A cat') })
    await expect.poll(() => generator.startCount).toBe(1)
    await first.pipeline.close()
    const id = (await waiting).headers.get('x-run-id')
    const refused = await first.json('POST', CHAT, { body: chatBody('A cat') })
    expect(refused).toMatchObject({ status: 503 })
    expect([refused.headers.get('x-run-id'), refused.headers.get('x-should-retry')]).toEqual([id, 'false'])
    const stream = await second.call('POST', CHAT, { body: chatBody('A cat', { stream: true }) })
    expect(stream.headers.get('x-run-id')).toBe(id)
    await second.pipeline.close()
    await stream.text()
    expect(generator.startCount).toBe(1)
  })

  it('sends a request without a run to another process', async () => {
    const { generator, first, second } = processes()
    await first.pipeline.close()
    const { status, headers, body } = await first.json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    expect([status, body.error.code, headers.get('retry-after')]).toEqual([503, 'store_unavailable', '5'])
    expect([headers.get('x-run-id'), headers.get('x-should-retry')]).toEqual([null, null])
    expect((await second.call('POST', VIDEOS, { body: { prompt: 'A cat' } })).status).toBe(200)
    expect(generator.startCount).toBe(1)
    await second.pipeline.close()
  })

  it('still answers for a video that runs', async () => {
    const { first } = processes()
    const { body } = await first.json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    await first.pipeline.close()
    expect(await first.json('GET', `${VIDEOS}/${body.id}`)).toMatchObject({ status: 200, body: { id: body.id } })
  })
})

describe('a store that cannot be read once the job is accepted', () => {
  it('has a video answered with its id, and without the advice to send it again', async () => {
    const generator = fakeTaskGenerator({ polls: Number.POSITIVE_INFINITY })
    const kept = memoryStore()
    const load: RunStore['load'] = (id) => {
      if (generator.startCount === 0) return kept.load(id)
      const reason = 'ECONNREFUSED'
      return Promise.reject(new RunStateError('Could not load the run', { isRetryable: true, reason }))
    }
    const { json, pipeline } = handlerOf({}, { store: { ...kept, load }, generator })
    const { status, headers, body } = await json('POST', VIDEOS, { body: { prompt: 'A cat' } })
    expect([status, body.error.code]).toEqual([503, 'store_unavailable'])
    expect([headers.get('x-should-retry'), headers.get('retry-after')]).toEqual(['false', null])
    expect(headers.get('x-run-id')).toMatch(/^video_/)
    expect(body.error.message).toContain('request it under its id before you send the request again')
    await pipeline.close()
  })
})
