import { expect, test } from 'vitest'
import { requestIdFrom } from '../../src/upstream/request-id.js'

// As services send them, the API itself before what stands in front of it.
const NAMES = [
  ...['x-request-id', 'request-id', 'x-oneapi-request-id', 'x-goog-request-id', 'x-amzn-requestid'],
  ...['x-amz-request-id', 'x-ms-request-id', 'apim-request-id', 'x-correlation-id', 'cf-ray'],
]
const noMask = (text: string) => text

test.each(NAMES)('%s is read', (name) => {
  expect(requestIdFrom(new Headers({ [name]: 'req_1' }), noMask)).toBe('req_1')
})

test.each(NAMES.slice(1).map((name, index) => [NAMES[index] ?? '', name]))('%s is read before %s', (first, second) => {
  expect(requestIdFrom(new Headers({ [second]: 'req_2', [first]: 'req_1' }), noMask)).toBe('req_1')
})

test('is missing without a known header, and when it is unsafe to show', () => {
  expect(requestIdFrom(new Headers({ 'x-other-id': 'req_1' }), noMask)).toBeUndefined()
  expect(requestIdFrom(new Headers({ 'x-request-id': '<b>' }), noMask)).toBeUndefined()
  const hide = (text: string) => text.replace('secret', '')
  expect(requestIdFrom(new Headers({ 'x-request-id': 'a-secret', 'cf-ray': 'ray_1' }), hide)).toBe('ray_1')
})
