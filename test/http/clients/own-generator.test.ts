import { expect, test } from 'vitest'
import { SoraPipeline } from '../../../src/index.js'
import { chatCompletionsGenerator } from '../../../src/strategies/index.js'
import { ERROR_KINDS } from './error-kinds.js'
import { prompts } from './prompted-generator.js'
import { API_KEY, startPromptedBackend, VIDEO_URL } from './start-backend.js'
import { thrownBy } from './thrown-by.js'

/** A pipeline in front of a backend of another one. */
async function behindBackend(prompt: string) {
  const backend = await startPromptedBackend()
  const generator = chatCompletionsGenerator({ baseUrl: backend.baseUrl, apiKey: API_KEY, model: 'sora-1.0' })
  return new SoraPipeline({ generator }).run({ prompt }).result
}

test('a backend behind a backend gives its URL', async () => {
  expect((await behindBackend(prompts.hold('a cat'))).url).toBe(VIDEO_URL)
})

const CODES: Readonly<Record<string, string>> = {
  'content-policy': 'content-rejected',
  authentication: 'authentication',
  quota: 'quota-exceeded',
  payment: 'quota-exceeded',
  region: 'region-unsupported',
  'rate-limit': 'rate-limited',
  overloaded: 'overloaded',
  busy: 'overloaded',
  'unknown-submission': 'submission-unknown',
  timeout: 'submission-unknown',
}

test.each(ERROR_KINDS)('a failure in mid-stream is recognised by its frame: $name', async ({ name }) => {
  const error = await thrownBy(behindBackend(prompts.fail(name)))
  expect(error).toMatchObject({ code: CODES[name] ?? 'generation-failed' })
  // Its reason is that of the frame, once.
  expect((error as Error).message).not.toContain('❌')
})
