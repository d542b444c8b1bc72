import { expect, test } from 'vitest'
import { provesRefusal } from '../../src/upstream/refusal-sentence.js'

const PROOFS = [
  'No available tokens',
  'No available Pro tokens.',
  'No available accounts for video generation',
  'No available models for image generation.',
  "No available tokens for video generation. All tokens are either disabled, cooling down, Sora2 quota exhausted, don't support Sora2, or expired.",
  'No available tokens. Please add one (see the page)',
  'No available tokens for Pro video generation',
  'No available tokens for Sora 2 Pro image generation.',
  'No available tokens for Sora2Pro video generation. All Pro tokens are cooling down.',
  'Invalid model: sora-9',
  '400: Invalid model: org/sora:9.1_b',
  'Messages cannot be empty',
  "Prompt can't be empty.",
  '400: Prompt must not be empty',
  "We're under heavy load, please try again later.",
  'We’re under heavy load, please try again later',
  'Invalid API key',
  '401: Not authenticated.',
  '403: Invalid API key',
]

test.each(PROOFS)('%s proves that nothing was accepted', (sentence) => {
  expect(provesRefusal(sentence)).toBe(true)
  expect(provesRefusal(` ${sentence.toUpperCase()}\n`)).toBe(true)
})

test.each(PROOFS)('a text that only quotes it proves nothing: %s', (sentence) => {
  expect(provesRefusal(`Job 7 failed: ${sentence}`)).toBe(false)
  expect(provesRefusal(`${sentence} {"job":"7"}`)).toBe(false)
})

test.each([
  '',
  'No available slots',
  'No available tokens for audio generation',
  'No available tokens. Job 7 was started.',
  `No available tokens. All ${'a'.repeat(241)}`,
  `No available tokens for Pro video generation. All ${'a'.repeat(241)}`,
  'No available tokens for Max video generation',
  'Invalid model:',
  'Invalid model: sora 9',
  `Invalid model: ${'a'.repeat(101)}`,
  '500: Invalid model: sora-9',
  'Image cannot be empty',
  'Prompt is empty',
  '404: Not authenticated',
  'Not authenticated by the worker of job 7',
])('%j proves nothing', (sentence) => {
  expect(provesRefusal(sentence)).toBe(false)
})
