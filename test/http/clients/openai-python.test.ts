import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { callOpenAi, isPythonLeftOut, pythonTitle } from '../../python/python-client.js'
import { ERROR_KINDS } from './error-kinds.js'
import { prompts } from './prompted-generator.js'
import { API_KEY, type Backend, startKeyedBackend, startPromptedBackend, VIDEO_URL } from './start-backend.js'

const optionsOf = ({ baseUrl }: Backend) => ({ base_url: baseUrl, api_key: API_KEY, max_retries: 0 })
const isMissing = { status: 404, code: 'video_not_found' }

describe.skipIf(isPythonLeftOut)(pythonTitle('the official client for Python'), { timeout: 60_000 }, () => {
  test('creates, polls, downloads, remixes, lists and deletes videos', async () => {
    const backend = await startKeyedBackend()
    const seen = (await callOpenAi('videos', optionsOf(backend))) as Record<string, Record<string, unknown>>
    const { video = {}, remix = {} } = seen
    expect(video).toMatchObject({ status: 'completed', progress: 100, model: 'sora-2', seconds: '8', size: '1280x720' })
    expect(remix).toMatchObject({ status: 'completed', remixed_from_video_id: video.id, prompt: 'A cat with a hat' })
    expect(seen).toMatchObject({
      sha256: createHash('sha256').update(backend.bytes).digest('hex'),
      hasMore: true,
      listed: [remix.id, video.id],
      oldest: [video.id, remix.id],
      deleted: { id: video.id, object: 'video.deleted', deleted: true },
      gone: isMissing,
      goneContent: isMissing,
    })
    const [first, second] = backend.generator.calls.map(({ input }) => input)
    expect(first).toMatchObject({ prompt: 'A cat', durationSeconds: 8, image: { mediaType: 'image/png' } })
    expect(second).toMatchObject({ prompt: 'A cat with a hat', remixOf: 'gen_1' })
    expect(backend.errors).toEqual([])
  })

  test('chats, streamed and not', async () => {
    const backend = await startPromptedBackend()
    const seen = (await callOpenAi('chat', optionsOf(backend), prompts.hold('a cat'))) as {
      contents: string[]
      final: string
    }
    expect(seen).toMatchObject({ whole: VIDEO_URL, finish: 'stop', usage: true, models: ['sora-1.0'] })
    expect(seen.final.endsWith(VIDEO_URL)).toBe(true)
    expect(seen.contents.at(-1)).toBe(VIDEO_URL)
    expect(seen.contents.some((text) => text.includes('40'))).toBe(true)
  })

  test('raises every kind of error, before the first byte and in mid-stream', async () => {
    const backend = await startPromptedBackend()
    const names = JSON.stringify(ERROR_KINDS.map(({ name }) => name))
    const seen = await callOpenAi('errors', optionsOf(backend), names)
    const expected = ERROR_KINDS.map(({ name, status, code, type, retryAfter = null }) => {
      const refusal = expect.objectContaining({ status, code, type, retryAfter })
      const frame = { error: 'APIError', code, body: expect.objectContaining({ type, run_id: expect.any(String) }) }
      return [name, { video: refusal, whole: refusal, late: refusal, stream: refusal, midStream: frame }]
    })
    expect(seen).toEqual(Object.fromEntries(expected))
  })

  test('raises what the backend itself refuses, and reports a video that failed', async () => {
    const backend = await startPromptedBackend({}, { models: ['sora-1.0'] })
    const wrongKey = { error: 'AuthenticationError', status: 401, code: 'invalid_api_key' }
    expect(await callOpenAi('refusals', optionsOf(backend), 'sk-wrong')).toMatchObject({
      key: wrongKey,
      chatKey: wrongKey,
      streamKey: wrongKey,
      prompt: { error: 'BadRequestError', status: 400, param: 'prompt', type: 'invalid_request_error' },
      model: { error: 'NotFoundError', status: 404, code: 'model_not_found' },
      video: { error: 'NotFoundError', ...isMissing },
      failed: { value: 'content_policy_violation' },
    })
  })
})
