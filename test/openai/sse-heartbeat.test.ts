import { expect, test } from 'vitest'
import type { ChatCompletionChunk } from '../../src/openai/chat-completion-chunk.js'
import { toChatCompletionChunks } from '../../src/openai/to-chat-completion-chunks.js'
import { toSse } from '../../src/openai/to-sse.js'
import { manualClock } from '../../src/testing/manual-clock.js'
import { chunk, data, pushable, readAll } from './sse-streams.js'

const emptyDelta: ChatCompletionChunk = { ...chunk(''), choices: [{ index: 0, delta: {}, finish_reason: null }] }

test('an empty chunk keeps a silent stream alive, in the form of the one before it, until the answer', async () => {
  const clock = manualClock()
  const source = pushable()
  const { frames, finished } = readAll(toSse(source.chunks, { clock }))
  await clock.advance(0)
  source.push(chunk('a'))
  await clock.advance(14_999)
  expect(frames.splice(0)).toEqual([data(chunk('a'))])
  await clock.advance(1)
  expect(frames.splice(0)).toEqual([data(emptyDelta)])
  await clock.advance(60_000)
  expect(frames.splice(0)).toEqual(Array(4).fill(data(emptyDelta)))

  source.push(chunk('b', 'stop'))
  await clock.advance(90_000)
  expect(frames.splice(0)).toEqual([data(chunk('b', 'stop'))])
  source.end()
  await finished
  expect(frames).toEqual(['data: [DONE]\n\n'])
  expect(clock.pending).toBe(0)
})

test('before the first chunk it has the form of the chunks, and is left out where they set none', async () => {
  const clock = manualClock()
  const [told, untold] = [pushable(), pushable()]
  const emptyChunk = { ...emptyDelta, id: 'chatcmpl-2', usage: null }
  const stream = readAll(toSse({ ...told.chunks, emptyChunk }, { clock }))
  const foreign = readAll(toSse(untold.chunks, { clock }))
  await clock.advance(14_999)
  expect(stream.frames).toEqual([])
  await clock.advance(15_001)
  expect(stream.frames).toEqual([data(emptyChunk), data(emptyChunk)])
  untold.push(chunk('a'))
  await clock.advance(15_000)
  expect(foreign.frames).toEqual([data(chunk('a')), data(emptyDelta)])
})

test('the chunks of a run determine their form, role and usage included', async () => {
  const clock = manualClock()
  const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) }
  const options = { id: 'chatcmpl-3', created: 5, model: 'wan', usage: 'include', clock } as const
  const { frames } = readAll(toSse(toChatCompletionChunks(silent, options), { clock, heartbeatMs: 1000 }))
  await clock.advance(1000)
  const choices = [{ index: 0, delta: {}, finish_reason: null }]
  const object = 'chat.completion.chunk'
  expect(frames).toEqual([data({ id: 'chatcmpl-3', object, created: 5, model: 'wan', choices, usage: null })])
})

test('something that was sent puts the next beat off', async () => {
  const clock = manualClock()
  const source = pushable()
  const { frames } = readAll(toSse(source.chunks, { clock }))
  await clock.advance(0)
  source.push(chunk('a'))
  await clock.advance(10_000)
  source.push(chunk('b'))
  await clock.advance(14_999)
  expect(frames.splice(0)).toEqual([data(chunk('a')), data(chunk('b'))])
  await clock.advance(1)
  expect(frames).toEqual([data(emptyDelta)])
})

test('a usage of null stays in the beats', async () => {
  const clock = manualClock()
  const source = pushable()
  const { frames } = readAll(toSse(source.chunks, { clock }))
  await clock.advance(0)
  source.push({ ...chunk('a'), usage: null })
  await clock.advance(15_000)
  expect(frames).toEqual([data({ ...chunk('a'), usage: null }), data({ ...emptyDelta, usage: null })])
})

test.each([0, Number.POSITIVE_INFINITY])('%s turns heartbeats off, and no timer runs', async (off) => {
  const clock = manualClock()
  const source = pushable()
  const { frames } = readAll(toSse({ ...source.chunks, emptyChunk: emptyDelta }, { clock, heartbeatMs: off }))
  source.push(chunk('a'))
  await clock.advance(3_600_000)
  expect(frames).toEqual([data(chunk('a'))])
  expect(clock.pending).toBe(0)
})

test('a stalled reader causes no reading ahead and stops the heartbeats', async () => {
  const clock = manualClock()
  let made = 0
  async function* endless() {
    for (;;) {
      made += 1
      yield chunk('x'.repeat(16_384))
    }
  }
  const stream = toSse(endless(), { clock })
  await clock.advance(60_000)
  expect(made).toBe(0)
  const reader = stream.getReader()
  await reader.read()
  await clock.advance(600_000)
  expect(made).toBe(1)
  expect(clock.pending).toBe(0)
  await reader.cancel()
})

test('a reader that continues after a stall has its heartbeats again', async () => {
  const clock = manualClock()
  const source = pushable()
  const reader = toSse({ ...source.chunks, emptyChunk: emptyDelta }, { clock }).getReader()
  const first = reader.read()
  await clock.advance(15_000)
  expect((await first).done).toBe(false)
  await clock.advance(600_000)
  expect(clock.pending).toBe(0)
  const second = reader.read()
  await clock.advance(0)
  expect(new TextDecoder().decode((await second).value)).toBe(data(emptyDelta))
  await reader.cancel()
})
