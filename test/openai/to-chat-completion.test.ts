import { expect, expectTypeOf, test } from 'vitest'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import type { PipelineResult, PipelineResultJson } from '../../src/contracts/result.js'
import { RunStateError } from '../../src/contracts/run-errors.js'
import { ContentRejectedError } from '../../src/contracts/upstream-errors.js'
import type { ChatCompletion } from '../../src/openai/chat-completion.js'
import type { ChatCompletionOptions } from '../../src/openai/chat-completion-options.js'
import { toChatCompletion } from '../../src/openai/to-chat-completion.js'
import { arriving, numbered, resultWith, smoothRun } from './run-events.js'

const URL_ = 'https://cdn.example/a.mp4'

test('a run with a result is answered by its result only', async () => {
  const run = { ...resultlessRun(), result: Promise.resolve(resultWith(URL_) as PipelineResult) }
  expect((await toChatCompletion(run)).choices[0]?.message.content).toBe(URL_)
  const failure = new ContentRejectedError('No')
  await expect(toChatCompletion({ ...resultlessRun(), result: Promise.reject(failure) })).rejects.toBe(failure)
})

test('events are read to the end of the run', async () => {
  expect((await toChatCompletion(arriving(smoothRun(URL_)))).choices[0]?.message.content).toBe(URL_)
  const failure = new ContentRejectedError('No')
  const failed = numbered([{ type: 'run-failed', error: failure.toJSON(), isAborted: false }])
  await expect(toChatCompletion(arriving(failed))).rejects.toMatchObject({ code: 'content-rejected' })
  await expect(toChatCompletion(arriving([]))).rejects.toThrow(RunStateError)
  await expect(toChatCompletion(arriving(smoothRun(URL_).slice(0, 3)))).rejects.toThrow(RunStateError)
})

test('usage comes last when it was requested', async () => {
  const completion = await toChatCompletion(resultWith(URL_), { usage: 'include' })
  expect(Object.keys(completion)).toEqual(['id', 'object', 'created', 'model', 'choices', 'usage'])
  expect(completion.usage).toEqual({ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 })
})

test('a bad option rejects, also when the run would be fine', async () => {
  const options = { content: 'pdf' } as unknown as ChatCompletionOptions
  await expect(toChatCompletion(resultWith(URL_), options)).rejects.toThrow(ConfigurationError)
})

test('the types describe what is taken and given', () => {
  expectTypeOf(toChatCompletion).parameter(0).extract<PipelineResult>().not.toBeNever()
  expectTypeOf(toChatCompletion).parameter(0).extract<PipelineResultJson>().not.toBeNever()
  expectTypeOf<ChatCompletion['choices'][number]['finish_reason']>().toEqualTypeOf<'stop'>()
})

function resultlessRun() {
  return {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        throw new Error('not read')
      },
    }),
  }
}
