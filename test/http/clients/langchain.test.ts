import { HumanMessage } from '@langchain/core/messages'
import { ChatOpenAI } from '@langchain/openai'
import { describe, expect, test } from 'vitest'
import { collect } from '../../support/collect.js'
import { ERROR_KINDS } from './error-kinds.js'
import { prompts } from './prompted-generator.js'
import { API_KEY, type Backend, startPromptedBackend, VIDEO_URL } from './start-backend.js'
import { thrownBy } from './thrown-by.js'

const modelOf = ({ baseUrl }: Backend, { apiKey = API_KEY, model = 'sora-1.0' } = {}) =>
  new ChatOpenAI({ model, apiKey, configuration: { baseURL: baseUrl }, maxRetries: 0 })

test('invoke gives the URL', async () => {
  const backend = await startPromptedBackend()
  const message = await modelOf(backend).invoke('A cat')
  expect(message.content).toBe(VIDEO_URL)
  expect(message.response_metadata).toMatchObject({ finish_reason: 'stop', model_name: 'sora-1.0' })
})

test('stream gives the progress and the URL', async () => {
  const backend = await startPromptedBackend()
  const chunks = await collect(await modelOf(backend).stream(prompts.hold('a cat')))
  const texts = chunks.map(({ content }) => String(content)).filter((text) => text !== '')
  expect(texts.at(-1)).toBe(VIDEO_URL)
  expect(texts.some((text) => text.includes('40'))).toBe(true)
})

test('an image reaches the generator', async () => {
  const backend = await startPromptedBackend()
  const url = 'data:image/png;base64,iVBORw0KGgo='
  const content = [
    { type: 'text' as const, text: 'A cat' },
    { type: 'image_url' as const, image_url: { url } },
  ]
  await modelOf(backend).invoke([new HumanMessage({ content })])
  expect(backend.generator.requests).toEqual([{ prompt: 'A cat', image: url }])
})

describe('an error before the first byte', () => {
  test.each(ERROR_KINDS)('$name', async ({ name, status, code, retryAfter }) => {
    const model = modelOf(await startPromptedBackend())
    const error = await thrownBy(model.invoke(prompts.refuse(name)))
    expect(error).toMatchObject({ status, code })
    expect((error as { headers: Headers }).headers.get('retry-after') ?? undefined).toBe(retryAfter)
    expect(await thrownBy(model.stream(prompts.refuse(name)))).toMatchObject({ status, code })
  })

  test.each([
    ['a wrong key', 401, 'invalid_api_key', { apiKey: 'sk-wrong' }, 'A cat'],
    ['an unknown model', 404, 'model_not_found', { model: 'gpt-9' }, 'A cat'],
    ['an invalid request', 400, 'invalid_value', {}, ''],
  ])('%s', async (_, status, code, given, prompt) => {
    const backend = await startPromptedBackend({}, { models: ['sora-1.0'] })
    expect(await thrownBy(modelOf(backend, given).invoke(prompt))).toMatchObject({ status, code })
    expect(backend.generator.requests).toEqual([])
  })
})

test.each(ERROR_KINDS)('an error in mid-stream: $name', async ({ name, code }) => {
  const stream = await modelOf(await startPromptedBackend()).stream(prompts.fail(name))
  expect(await thrownBy(collect(stream))).toMatchObject({ code })
})
