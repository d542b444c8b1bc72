import { createParser } from 'eventsource-parser'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import { RateLimitError } from '../../src/contracts/upstream-errors.js'
import type { ChatCompletionChunk } from '../../src/openai/chat-completion-chunk.js'
import { toSse } from '../../src/openai/to-sse.js'
import { manualClock } from '../../src/testing/manual-clock.js'
import { chunk, data, pushable, readAll } from './sse-streams.js'

const unhandled: unknown[] = []
const keepUnhandled = (reason: unknown) => unhandled.push(reason)
process.on('unhandledRejection', keepUnhandled)
afterEach(() => {
  expect(unhandled).toEqual([])
})

async function* listed(...chunks: ChatCompletionChunk[]) {
  yield* chunks
}

test('each chunk is its own frame, and the end is announced', async () => {
  const { frames, finished } = readAll(toSse(listed(chunk('a'), chunk('b', 'stop'))))
  await finished
  expect(frames).toEqual([data(chunk('a')), data(chunk('b', 'stop')), 'data: [DONE]\n\n'])
})

test('a frame is sent as soon as its chunk exists', async () => {
  const source = pushable()
  const clock = manualClock()
  const { frames } = readAll(toSse(source.chunks, { clock }))
  await clock.advance(0)
  source.push(chunk('a'))
  await clock.advance(0)
  expect(frames).toEqual([data(chunk('a'))])
})

test('a cancel over silent chunks settles at once and leaves nothing behind', async () => {
  const clock = manualClock()
  const source = pushable()
  const reasons: unknown[] = []
  const reader = toSse(source.chunks, { clock, onCancel: (reason) => reasons.push(reason) }).getReader()
  source.push(chunk('a'))
  await reader.read()
  const read = reader.read()
  await clock.advance(1)
  expect(clock.pending).toBe(1)
  await reader.cancel('gone')
  expect(await read).toEqual({ done: true, value: undefined })
  expect(reasons).toEqual(['gone'])
  expect(source.calls).toEqual({ next: 2, return: 1 })
  await clock.advance(0)
  expect(clock.pending).toBe(0)
  source.fail(new Error('too late'))
  await clock.advance(60_000)
})

test('a cancel over a generator that never yields does not hang', async () => {
  async function* silent(): AsyncGenerator<ChatCompletionChunk> {
    await new Promise(() => undefined)
    yield chunk('never')
  }
  const reader = toSse(silent(), { clock: manualClock() }).getReader()
  const read = reader.read()
  await reader.cancel()
  expect((await read).done).toBe(true)
})

test('a failing return of the chunks is not an unhandled rejection', async () => {
  const clock = manualClock()
  const chunks: AsyncIterable<ChatCompletionChunk> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return() {
        throw new Error('cannot return')
      },
    }),
  }
  const reader = toSse(chunks, { clock }).getReader()
  const read = reader.read()
  await reader.cancel()
  await read
  await clock.advance(0)
})

test('a stream that is cancelled before it was read never touches the chunks', async () => {
  const source = pushable()
  await toSse(source.chunks, { clock: manualClock() }).cancel()
  expect(source.calls).toEqual({ next: 0, return: 0 })
})

test('an onCancel that throws makes the cancel reject, after the chunks were ended', async () => {
  const clock = manualClock()
  const source = pushable()
  const broken = new Error('broken')
  const onCancel = () => {
    throw broken
  }
  const reader = toSse(source.chunks, { clock, onCancel }).getReader()
  const read = reader.read()
  await clock.advance(0)
  await expect(reader.cancel()).rejects.toBe(broken)
  await read
  expect(source.calls.return).toBe(1)
})

test('onCancel is not called after the end', async () => {
  const onCancel = vi.fn()
  const reader = toSse(listed(chunk('a', 'stop')), { onCancel }).getReader()
  while (!(await reader.read()).done);
  await reader.cancel()
  expect(onCancel).not.toHaveBeenCalled()
})

test('an error is one frame without choices or an event line, then the end', async () => {
  const clock = manualClock()
  const source = pushable()
  const { frames, finished } = readAll(toSse(source.chunks, { clock, runId: 'run_1' }))
  source.push(chunk('a'))
  await clock.advance(0)
  source.fail(new RateLimitError('Could not start the video: 429', { retryAfterMs: 1 }))
  await finished
  expect(frames.slice(1)).toEqual([
    data({
      error: {
        message: 'Could not start the video: 429. Wait and send the request again.',
        type: 'rate_limit_error',
        param: null,
        code: 'rate_limit_exceeded',
        run_id: 'run_1',
      },
    }),
    'data: [DONE]\n\n',
  ])
  expect(clock.pending).toBe(0)
})

describe('a failure that is also written into a chunk', () => {
  const framesAfter = async (error: unknown, ...chunks: ChatCompletionChunk[]) => {
    async function* failing() {
      yield* chunks
      throw error
    }
    const { frames, finished } = readAll(toSse(failing(), { errorContent: 'include' }))
    await finished
    return frames.slice(chunks.length)
  }

  test('is a line of content in the form of the chunks, before the frame', async () => {
    const frames = await framesAfter(new RateLimitError('Could not start the video: 429'), chunk('a'))
    expect(frames).toEqual([
      data(chunk('\n❌ Could not start the video: 429. Wait and send the request again.')),
      expect.stringMatching(/^data: \{"error":\{/),
      'data: [DONE]\n\n',
    ])
  })

  test('holds no markup, no second line and no address that could be that of the video', async () => {
    const message = `Could not start <video src="https://evil.example/a.mp4">\n\n[x](HTTP://evil.example/b.mp4)${'y'.repeat(700)}`
    const [said = ''] = await framesAfter(new RateLimitError(message), chunk('a'))
    const { content } = JSON.parse(said.slice(6)).choices[0].delta
    expect(content).toMatch(/^\n❌ Could not start video [^\n<>[\]`]+…$/)
    expect(content).not.toMatch(/:\/\//)
  })

  test('is left out after the answer, and where the form is not known', async () => {
    const error = new RateLimitError('Could not start the video: 429')
    for (const chunks of [[chunk('a', 'stop')], []]) {
      const frames = await framesAfter(error, ...chunks)
      expect(frames).toEqual([expect.stringMatching(/^data: \{"error":\{/), 'data: [DONE]\n\n'])
    }
  })
})

test('without a run id the error frame has four keys', async () => {
  const { frames, finished } = readAll(
    toSse({
      [Symbol.asyncIterator]: () => {
        throw new Error('canary')
      },
    }),
  )
  await finished
  expect(frames).toHaveLength(2)
  const { error } = JSON.parse(frames[0]?.slice(6) ?? '')
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code'])
  expect(error.code).toBe('internal_error')
  expect(frames.join('')).not.toContain('canary')
})

test('a chunk that is not JSON ends the stream like an error, and the chunks are ended', async () => {
  const clock = manualClock()
  const source = pushable()
  const { frames, finished } = readAll(toSse(source.chunks, { clock }))
  source.push({ ...chunk('a'), created: 1n as unknown as number })
  await finished
  expect(frames).toEqual([expect.stringContaining('"code":"internal_error"'), 'data: [DONE]\n\n'])
  expect(source.calls.return).toBe(1)
  await clock.advance(0)
  expect(clock.pending).toBe(0)
})

test('bad options are all named at once', () => {
  const make = () => toSse(listed(), { heartbeatMs: -1, errorContent: 'loud' as never })
  expect(make).toThrow(ConfigurationError)
  expect(make).toThrow(/heartbeatMs is -1 .*errorContent is "loud"/)
})

test('no text breaks out of its frame', async () => {
  const nasty = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .array(
        fc.constantFrom('\n', '\r', '\u2028', '\u2029', '\0', '\ud800', '\udc00', 'data: x', 'event: evil', '[DONE]'),
      )
      .map((parts) => parts.join('')),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(nasty, { maxLength: 4 }), async (texts) => {
      const body = await new Response(toSse(listed(...texts.map((text) => chunk(text))))).text()
      const messages: string[] = []
      const parser = createParser({
        onEvent: ({ data, event, id }) => {
          expect([event, id]).toEqual([undefined, undefined])
          messages.push(data)
        },
      })
      parser.feed(body)
      expect(messages.pop()).toBe('[DONE]')
      expect(messages.map((message) => JSON.parse(message).choices[0].delta.content)).toEqual(texts)
      expect(body.split('\n\n')).toHaveLength(texts.length + 2)
    }),
    { numRuns: 200 },
  )
})
