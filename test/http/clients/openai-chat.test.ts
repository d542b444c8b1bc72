import OpenAI, { APIError } from 'openai'
import { describe, expect, test } from 'vitest'
import { collect } from '../../support/collect.js'
import { ERROR_KINDS } from './error-kinds.js'
import { prompts } from './prompted-generator.js'
import { API_KEY, type Backend, startPromptedBackend, VIDEO_URL } from './start-backend.js'
import { thrownBy } from './thrown-by.js'

const clientOf = ({ baseUrl }: Backend, apiKey = API_KEY) => new OpenAI({ baseURL: baseUrl, apiKey, maxRetries: 0 })
const chat = (prompt: string) => ({ model: 'sora-1.0', messages: [{ role: 'user' as const, content: prompt }] })

describe('chat completions', () => {
  test('answer with the URL', async () => {
    const backend = await startPromptedBackend()
    const completion = await clientOf(backend).chat.completions.create(chat('A cat playing piano'))
    expect(completion.object).toBe('chat.completion')
    expect(completion.choices[0]).toEqual({
      index: 0,
      message: { role: 'assistant', content: VIDEO_URL },
      finish_reason: 'stop',
    })
    expect(backend.generator.requests).toEqual([{ prompt: 'A cat playing piano' }])
  })

  test('stream their progress, the URL and the usage', async () => {
    const backend = await startPromptedBackend()
    const stream = await clientOf(backend).chat.completions.create({
      ...chat(prompts.hold('a cat')),
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = await collect(stream)
    const [usage, answer, ...progress] = chunks.toReversed()
    expect(answer?.choices[0]).toMatchObject({ delta: { content: VIDEO_URL }, finish_reason: 'stop' })
    expect(usage).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } })
    expect(progress.some(({ choices }) => choices[0]?.delta.content?.includes('40'))).toBe(true)
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
  })

  test('stream into the helper, which puts them together', async () => {
    const backend = await startPromptedBackend({}, { progress: 'none' })
    const stream = clientOf(backend).chat.completions.stream(chat('A cat'))
    const contents: string[] = []
    stream.on('content', (delta) => contents.push(delta))
    expect(await stream.finalContent()).toBe(VIDEO_URL)
    expect(contents).toEqual([VIDEO_URL])
    expect((await stream.finalChatCompletion()).choices[0]?.message).toMatchObject({ role: 'assistant' })
  })

  test('accept an image in parts and parameters without a meaning here', async () => {
    const backend = await startPromptedBackend()
    const image = 'data:image/png;base64,iVBORw0KGgo='
    const { data, response } = await clientOf(backend)
      .chat.completions.create({
        model: 'sora2-portrait-15s',
        temperature: 0.5,
        max_completion_tokens: 100,
        messages: [
          { role: 'system', content: 'You make videos' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'A cat' },
              { type: 'image_url', image_url: { url: image } },
            ],
          },
        ],
      })
      .withResponse()
    expect(data.model).toBe('sora2-portrait-15s')
    expect(response.headers.get('x-ignored-parameters')).toBe('temperature, max_completion_tokens')
    expect(backend.generator.requests).toEqual([{ prompt: 'A cat', image, durationSeconds: 15, size: '720x1280' }])
  })

  test('models are listed and looked up', async () => {
    const backend = await startPromptedBackend({}, { models: ['sora-1.0', 'sora2-landscape-10s'] })
    const client = clientOf(backend)
    const models = await collect(client.models.list())
    expect(models.map(({ id }) => id)).toEqual(['sora-1.0', 'sora2-landscape-10s'])
    expect(await client.models.retrieve('sora2-landscape-10s')).toMatchObject({ object: 'model' })
    const missing = await thrownBy(client.models.retrieve('gpt-9'))
    expect(missing).toMatchObject({ status: 404, code: 'model_not_found' })
  })
})

describe.each(ERROR_KINDS)('$name', ({ name, status, code, type, retryAfter }) => {
  const seen = { status, code, type }

  test.each([false, true])('is an error before the first byte, stream: %s', async (stream) => {
    const backend = await startPromptedBackend()
    const error = await thrownBy(clientOf(backend).chat.completions.create({ ...chat(prompts.refuse(name)), stream }))
    expect(error).toBeInstanceOf(APIError)
    expect(error).toMatchObject(seen)
    expect((error as APIError).headers?.get('retry-after') ?? undefined).toBe(retryAfter)
  })

  test('is an error of an answer that was waited for', async () => {
    const backend = await startPromptedBackend()
    const error = await thrownBy(clientOf(backend).chat.completions.create(chat(prompts.lose(name))))
    expect(error).toMatchObject(seen)
  })

  test('is an error in mid-stream', async () => {
    const backend = await startPromptedBackend()
    const stream = await clientOf(backend).chat.completions.create({ ...chat(prompts.fail(name)), stream: true })
    const error = await thrownBy(collect(stream))
    expect(error).toBeInstanceOf(APIError)
    expect(error).toMatchObject({ code, type })
    expect((error as APIError).error).toMatchObject({ run_id: expect.stringMatching(/^video_/) })
  })

  test('is an error in mid-stream of the helper', async () => {
    const backend = await startPromptedBackend()
    const stream = clientOf(backend).chat.completions.stream(chat(prompts.fail(name)))
    expect(await thrownBy(stream.finalChatCompletion())).toMatchObject({ code })
  })
})
