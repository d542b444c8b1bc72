import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateImage, generateText } from 'ai'
import ky from 'ky'
import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { mayHaveBeenAccepted, whyUnknown } from '../../src/contracts/submission.js'
import { fallback, type Generator, SoraPipeline } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator, manualClock } from '../../src/testing/index.js'
import { deadOrigin, json, loopbackServer } from '../upstream/loopback-server.js'

const openai = (origin: string, timeout = 5_000) =>
  new OpenAI({ baseURL: `${origin}/v1`, apiKey: 'sk-test', maxRetries: 0, timeout })
const compatible = (origin: string) =>
  createOpenAICompatible({ name: 'it', baseURL: `${origin}/v1`, apiKey: 'sk-test' })

/** How each client submits; it is to reject. */
const CLIENTS: Readonly<Record<string, (origin: string) => Promise<unknown>>> = {
  openai: (origin) => openai(origin).videos.create({ model: 'sora-2', prompt: 'A cat' }),
  'openai, chat': (origin) =>
    openai(origin).chat.completions.create({ model: 'sora-2', messages: [{ role: 'user', content: 'A cat' }] }),
  'AI SDK, text': (origin) =>
    generateText({ model: compatible(origin).chatModel('sora-2'), prompt: 'A cat', maxRetries: 0 }),
  'AI SDK, image': (origin) =>
    generateImage({ model: compatible(origin).imageModel('sora-2'), prompt: 'A cat', maxRetries: 0 }),
  ky: (origin) => ky.post(`${origin}/v1/videos`, { json: {}, retry: 0, timeout: 5_000 }).json(),
  fetch: async (origin) => {
    const response = await fetch(`${origin}/v1/videos`, { method: 'POST', body: '{}' })
    if (!response.ok) throw Object.assign(new Error('refused'), { response })
    return response.json()
  },
}

const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('the client must reject'),
    (error: unknown) => error,
  )

describe.each(Object.entries(CLIENTS))('an error of %s', (_, submit) => {
  it.each([500, 502, 504, 520, 408, 409])('of status %d may hide an accepted submission', async (status) => {
    const { origin, seen } = await loopbackServer(json(status, { error: { message: 'broken', code: 'x' } }))
    const error = await rejection(submit(origin))
    expect(whyUnknown(error)).toBe(`the error carries status ${status}`)
    expect(seen).toHaveLength(1)
  })

  it.each([400, 401, 402, 403, 404, 422, 429, 503, 529])('of status %d proves a refusal', async (status) => {
    const { origin } = await loopbackServer(json(status, { error: { message: 'refused', code: 'x' } }))
    expect(whyUnknown(await rejection(submit(origin)))).toBeUndefined()
  })

  it('of a page in place of an error is judged by its status', async () => {
    const page = (status: number) => json(status, '<html>busy</html>', { 'content-type': 'text/html' })
    expect(mayHaveBeenAccepted(await rejection(submit((await loopbackServer(page(500))).origin)))).toBe(true)
    expect(mayHaveBeenAccepted(await rejection(submit((await loopbackServer(page(503))).origin)))).toBe(false)
  })

  it('of a connection that is cut may hide an accepted submission', async () => {
    const { origin } = await loopbackServer((_, response) => response.socket?.resetAndDestroy())
    expect(mayHaveBeenAccepted(await rejection(submit(origin)))).toBe(true)
  })

  it('of an answer that is cut may hide an accepted submission', async () => {
    const { origin } = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).write('{"id":"vid')
      setTimeout(() => response.socket?.resetAndDestroy(), 20)
    })
    expect(mayHaveBeenAccepted(await rejection(submit(origin)))).toBe(true)
  })

  it('of a refused connection and of an unknown host proves that nothing was sent', async () => {
    expect(whyUnknown(await rejection(submit(await deadOrigin())))).toBeUndefined()
    expect(whyUnknown(await rejection(submit('http://no-such-host.invalid')))).toBeUndefined()
  })
})

// openai gives a body that is not JSON back as text.
it.each(Object.entries(CLIENTS).filter(([name]) => !name.startsWith('openai')))(
  'an answer that %s cannot read may hide an accepted submission',
  async (_, submit) => {
    const { origin } = await loopbackServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"vid')
    })
    expect(mayHaveBeenAccepted(await rejection(submit(origin)))).toBe(true)
  },
)

it('openai: a time limit and an abort may hide an accepted submission', async () => {
  const { origin } = await loopbackServer(() => undefined)
  const create = (options: { signal?: AbortSignal }) =>
    openai(origin, 300).videos.create({ model: 'sora-2', prompt: 'A cat' }, options)
  expect(mayHaveBeenAccepted(await rejection(create({})))).toBe(true)
  expect(mayHaveBeenAccepted(await rejection(create({ signal: AbortSignal.timeout(100) })))).toBe(true)
})

it('AI SDK: an attempt that may have been accepted counts, whatever came after it', async () => {
  let calls = 0
  const { origin } = await loopbackServer((request, response, raw) => {
    calls += 1
    return json(calls === 1 ? 500 : 400, { error: { message: 'x' } })(request, response, raw)
  })
  const model = compatible(origin).chatModel('sora-2')
  const error = await rejection(generateText({ model, prompt: 'A cat', maxRetries: 2 }))
  expect(calls).toBe(2)
  expect(whyUnknown(error)).toBe('the error carries status 500')
})

describe('a generator of the user that calls openai', () => {
  const submitting = (origin: string): Generator[] => {
    const create = () => openai(origin).videos.create({ model: 'sora-2', prompt: 'A cat' })
    return [
      {
        name: 'mine',
        start: async () => ({ operation: { id: (await create()).id } }),
        poll: async () => ({ state: 'running' }),
      },
      { name: 'mine', generate: async () => ({ id: (await create()).id, url: 'https://cdn.example/a.mp4' }) },
    ]
  }

  it('is not followed by another after a 500, and is after a 429', async () => {
    for (const [status, expected] of [
      [500, 0],
      [429, 1],
    ] as const) {
      const { origin, seen } = await loopbackServer(json(status, { error: { message: 'no' } }))
      for (const generator of submitting(origin)) {
        const isTask = 'start' in generator
        const spare = isTask ? fakeTaskGenerator({ name: 'spare', polls: 0 }) : fakeGenerator({ name: 'spare' })
        const run = new SoraPipeline({ generator: fallback(generator, spare), pollSchedule: () => 1 }).run({
          prompt: 'A cat',
        })
        const [outcome] = await Promise.allSettled([run.result])
        expect(spare.calls).toHaveLength(expected)
        if (status === 500) {
          expect(outcome).toMatchObject({
            reason: {
              code: 'submission-unknown',
              message:
                'Could not learn whether the submission was accepted, the error carries status 500; it is not repeated: mine',
            },
          })
        } else expect(outcome.status).toBe('fulfilled')
      }
      expect(seen).toHaveLength(2)
    }
  })

  it('stops polling a job that is gone within 25 seconds', async () => {
    const { origin } = await loopbackServer(json(410, { error: { message: 'Gone' } }))
    const clock = manualClock()
    let answered: Promise<unknown> = Promise.resolve()
    const generator: Generator = {
      name: 'mine',
      start: async () => ({ operation: { id: 'video_1' } }),
      poll: ({ id }: { id: string }) => {
        const asked = openai(origin).videos.retrieve(id)
        answered = asked.catch(() => undefined)
        return asked.then(() => ({ state: 'running' }))
      },
    } as Generator
    const from = clock.now()
    const run = new SoraPipeline({ generator, clock, pollSchedule: () => 1000 }).run({ prompt: 'A cat' })
    let error: unknown
    run.result.catch((reason: unknown) => {
      error = reason
    })
    // The clock stands still while the real server answers.
    for (let second = 0; second < 25 && error === undefined; second += 1) {
      await clock.advance(1000)
      await answered
    }
    expect(error).toMatchObject({ code: 'upstream-http', status: 410, handle: { operation: { id: 'video_1' } } })
    expect(clock.now() - from).toBeLessThan(25_000)
  })
})
