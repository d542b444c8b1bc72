import { expect, test } from 'vitest'
import { AuthenticationError, UpstreamHttpError } from '../../../src/contracts/upstream-errors.js'
import { isEncodingRefusal } from '../../../src/strategies/generators/videos-api/encoding-refusal.js'

const refused = (status: number, said = '') =>
  new UpstreamHttpError(`Could not submit the video: a.example answered ${status}`, {
    status,
    url: 'https://a.example/v1/videos',
    bodyExcerpt: said,
  })

test.each([
  ...['prompt: Field required', 'prompt is missing', 'Field required: prompt', 'missing field prompt'],
  ...['Unsupported content-type', 'bad Content Type', 'contenttype', 'Unsupported media type', 'expected multipart'],
  ...['needs form-data', 'form data only', 'formdata', 'no boundary found', 'use application/json'],
  ...['invalid JSON', 'malformed json body', 'expected JSON', 'could not parse the body as JSON', 'decode of json'],
  ...[
    'cannot unmarshal json',
    'error parsing JSON',
    'error decoding the JSON body',
    'JSON parse error',
    'json could not be decoded',
    'JSON was expected',
  ],
  'json: invalid character',
])('a 400 or 422 with %j is about the encoding', (said) => {
  for (const status of [400, 422]) expect(isEncodingRefusal(refused(status, said))).toBe(true)
  for (const status of [401, 413, 500]) expect(isEncodingRefusal(refused(status, said))).toBe(false)
})

test.each([
  ...['', 'the prompt is too long', 'promptly required', 'required is a size. The prompt was read', 'missing image'],
  ...['invalid size', 'the content is required', 'mediatypes', 'jsonp', 'invalid size; json was read'],
  `prompt ${'x'.repeat(81)} required`,
])('a 400 with %j is about something else', (said) => {
  expect(isEncodingRefusal(refused(400, said))).toBe(false)
})

test('a 415 always is, and other errors never are', () => {
  expect(isEncodingRefusal(refused(415))).toBe(true)
  expect(isEncodingRefusal(new AuthenticationError('Could not use multipart', { status: 400 }))).toBe(false)
  expect(isEncodingRefusal(Object.assign(new Error('multipart'), { status: 415 }))).toBe(false)
})
