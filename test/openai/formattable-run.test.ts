import { expect, test } from 'vitest'
import type { PipelineEvent } from '../../src/contracts/events.js'
import type { PipelineResult } from '../../src/contracts/result.js'
import { RunStateError } from '../../src/contracts/run-errors.js'
import { RateLimitError } from '../../src/contracts/upstream-errors.js'
import type { FormattableRun } from '../../src/openai/formattable-run.js'
import { toChatCompletionChunks } from '../../src/openai/to-chat-completion-chunks.js'
import { toOpenAiError } from '../../src/openai/to-openai-error.js'
import { arriving, type BareEvent, collect, numbered, resultWith, smoothRun } from './run-events.js'

const URL_ = 'https://cdn.example/a.mp4'
const failure = new RateLimitError('Could not start the video: 429', { retryAfterMs: 2_000 })
const failed: BareEvent = { type: 'run-failed', error: failure.toJSON(), isAborted: false }

const chunksOf = (events: Iterable<PipelineEvent>) => collect(toChatCompletionChunks(arriving(events)))
const withResult = (events: AsyncIterable<PipelineEvent>, result: Promise<PipelineResult>): FormattableRun => ({
  [Symbol.asyncIterator]: () => events[Symbol.asyncIterator](),
  result,
})

test('a failed run throws what its result rejects with', async () => {
  const result = Promise.reject(failure)
  const chunks = toChatCompletionChunks(withResult(arriving(numbered([failed])), result))
  await expect(collect(chunks)).rejects.toBe(failure)
})

test('a failed run without a result throws an error that is answered the same', async () => {
  const error = await chunksOf(numbered([failed])).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'rate-limited', name: 'RateLimitError' })
  expect(toOpenAiError(error)).toEqual(toOpenAiError(failure))
  const aborted: BareEvent = { type: 'run-failed', isAborted: true, error: { ...failure.toJSON(), code: 'unexpected' } }
  await expect(chunksOf(numbered([aborted]))).rejects.toMatchObject({ name: 'AbortError' })
})

test('a rejection of the result before the last event was read is not unhandled', async () => {
  const unhandled: unknown[] = []
  const keep = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', keep)
  const result = Promise.withResolvers<PipelineResult>()
  const gate = Promise.withResolvers<void>()
  async function* late() {
    await gate.promise
    yield* numbered([failed])
  }
  const reading = collect(toChatCompletionChunks(withResult(late(), result.promise))).catch((thrown: unknown) => thrown)
  result.reject(failure)
  await new Promise((resolve) => setImmediate(resolve))
  gate.resolve()
  expect(await reading).toBe(failure)
  process.off('unhandledRejection', keep)
  expect(unhandled).toEqual([])
})

test('a URL that exists wins over events that break off', async () => {
  const source = { isPublic: true, open: async () => new Blob([]).stream() }
  const result = { ...resultWith(URL_), video: { id: 'gen_1', source } }
  async function* broken(): AsyncGenerator<PipelineEvent> {
    yield* smoothRun(URL_).slice(0, 2)
    throw new Error('connection lost')
  }
  const seen: unknown[] = []
  const content = (json: unknown) => {
    seen.push(json)
    return 'ok'
  }
  const chunks = await collect(toChatCompletionChunks(withResult(broken(), Promise.resolve(result)), { content }))
  expect(chunks.at(-1)?.choices[0]).toMatchObject({ delta: { content: 'ok' }, finish_reason: 'stop' })
  expect(seen).toEqual([{ ...resultWith(URL_), video: { id: 'gen_1' } }])
  await expect(collect(toChatCompletionChunks(broken()))).rejects.toThrow('connection lost')
  await expect(chunksOf([])).rejects.toThrow(RunStateError)
})
