import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { APICallError, generateText, streamText } from 'ai'
import { describe, expect, test } from 'vitest'
import { collect } from '../../support/collect.js'
import { ERROR_KINDS } from './error-kinds.js'
import { prompts } from './prompted-generator.js'
import { API_KEY, type Backend, startPromptedBackend, VIDEO_URL } from './start-backend.js'
import { thrownBy } from './thrown-by.js'

const modelOf = ({ baseUrl }: Backend, { apiKey = API_KEY, name = 'sora-1.0' } = {}) =>
  createOpenAICompatible({ name: 'backend', baseURL: baseUrl, apiKey, includeUsage: true })(name)
const once = { maxRetries: 0 }

/** Reads a stream to its end, and gives its parts; what is thrown on the way is the last one. */
async function partsOf(stream: ReturnType<typeof streamText>) {
  const parts = await collect(stream.fullStream)
  await Promise.allSettled([stream.text, stream.finishReason, stream.usage])
  return parts
}

test('generateText gives the URL', async () => {
  const backend = await startPromptedBackend()
  const { text, finishReason } = await generateText({ model: modelOf(backend), prompt: 'A cat', ...once })
  expect(text).toBe(VIDEO_URL)
  expect(finishReason).toBe('stop')
})

test('an image reaches the generator', async () => {
  const backend = await startPromptedBackend()
  const image = Buffer.from('89504e470d0a1a0a', 'hex')
  const content = [
    { type: 'text' as const, text: 'A cat' },
    { type: 'file' as const, data: image, mediaType: 'image/png' },
  ]
  await generateText({ model: modelOf(backend), messages: [{ role: 'user', content }], ...once })
  expect(backend.generator.requests).toEqual([
    { prompt: 'A cat', image: `data:image/png;base64,${image.toString('base64')}` },
  ])
})

test('streamText gives the progress as reasoning, and the URL as the text', async () => {
  const backend = await startPromptedBackend({}, { progress: 'reasoning_content' })
  const stream = streamText({ model: modelOf(backend), prompt: prompts.hold('a cat'), ...once })
  const parts = await partsOf(stream)
  const reasoning = parts.flatMap((part) => (part.type === 'reasoning-delta' ? [part.text] : [])).join('')
  expect(reasoning).toContain('40')
  expect(reasoning).not.toContain(VIDEO_URL)
  expect(await stream.text).toBe(VIDEO_URL)
  expect(await stream.finishReason).toBe('stop')
  expect((await stream.usage).totalTokens).toBeTypeOf('number')
  expect(parts.filter(({ type }) => type === 'error')).toEqual([])
})

describe('an error before the first byte', () => {
  test.each(ERROR_KINDS)('$name', async ({ name, status, code, retryAfter }) => {
    const model = modelOf(await startPromptedBackend())
    const error = await thrownBy(generateText({ model, prompt: prompts.refuse(name), ...once }))
    expect(error).toBeInstanceOf(APICallError)
    expect(error).toMatchObject({ statusCode: status, data: { error: { code } } })
    expect((error as APICallError).responseHeaders?.['retry-after']).toBe(retryAfter)

    const parts = await partsOf(streamText({ model, prompt: prompts.refuse(name), ...once, onError: () => undefined }))
    const failures = parts.flatMap((part) => (part.type === 'error' ? [part.error] : []))
    expect(failures).toEqual([expect.objectContaining({ statusCode: status })])
  })

  test.each([
    ['a wrong key', 401, 'invalid_api_key', { apiKey: 'sk-wrong' }, 'A cat'],
    ['an unknown model', 404, 'model_not_found', { name: 'gpt-9' }, 'A cat'],
    ['an invalid request', 400, 'invalid_value', {}, ''],
  ])('%s', async (_, status, code, given, prompt) => {
    const backend = await startPromptedBackend({}, { models: ['sora-1.0'] })
    const error = await thrownBy(generateText({ model: modelOf(backend, given), prompt, ...once }))
    expect(error).toMatchObject({ statusCode: status, data: { error: { code } } })
    expect(backend.generator.requests).toEqual([])
  })
})

test.each(ERROR_KINDS)('an error in mid-stream: $name', async ({ name, code }) => {
  const stream = streamText({
    model: modelOf(await startPromptedBackend()),
    prompt: prompts.fail(name),
    ...once,
    onError: () => undefined,
  })
  const parts = await partsOf(stream)
  const failures = parts.flatMap((part) => (part.type === 'error' ? [part.error] : []))
  expect(failures).toEqual([expect.objectContaining({ code })])
  expect(await stream.finishReason).toBe('error')
})
