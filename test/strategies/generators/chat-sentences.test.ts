import { describe, expect, test } from 'vitest'
import {
  chatFailure,
  markedFailure,
  proseFailure,
  verdict,
} from '../../../src/strategies/generators/chat-completions/chat-failure.js'
import { maskOf } from '../../../src/upstream/secret.js'

const upstream = {
  url: 'https://chat.example/v1?key=canary-1',
  host: 'chat.example',
  mask: maskOf(['canary-1']),
  requestId: 'req_1',
  elapsedMs: () => 1_234,
  isRefusal: (status: number) => (status === 502 ? true : undefined),
}
const error = (message: string, code: string | null = null) => JSON.stringify({ error: { message, code } })

describe('an error frame', () => {
  test.each([
    [error('It broke', 'out_of_memory'), { code: 'generation-failed', upstreamCode: 'out_of_memory' }],
    [error('It broke', 'my_server_error'), { code: 'generation-failed', upstreamCode: 'my_server_error' }],
    [error('no canary-1', 'canary-1'), { upstreamCode: '[redacted]' }],
    ['It broke', { message: 'Could not generate the video: chat.example said, It broke (request req_1)' }],
    ['', { message: 'Could not generate the video: chat.example said no reason (request req_1)' }],
    [error('HTTP Error: 502 x'), { code: 'upstream-http', status: 502, isRefusal: true }],
    [error('HTTP Error: 504 x'), { code: 'upstream-http', status: 504, isRefusal: false }],
    [error('HTTP Error: 502 x', 'generation_failed'), { code: 'generation-failed', upstreamCode: 'generation_failed' }],
    [error('API request failed: 401 - x'), { code: 'authentication', status: 401, requestId: 'req_1' }],
  ])('%s', (said, expected) => {
    expect(chatFailure(said, upstream)).toMatchObject(expected)
    expect(JSON.stringify(chatFailure(said, upstream))).not.toContain('canary')
  })

  test.each(['server_error', 'error'])('the word %s is not a code of the upstream', (word) => {
    expect(chatFailure(error('It broke', word), upstream)).not.toHaveProperty('upstreamCode')
  })

  test.each([
    ['timed out after 20 s', 20_000],
    ['timeout: 2.5 seconds', 2_500],
    ['timeout of 30sec', 30_000],
    ['Generation exceeded 3000 seconds limit', 3_000_000],
    ['time out, 20 steps', 1_234],
    ['timed out', 1_234],
  ])('%s is the deadline of the upstream', (said, timeoutMs) => {
    expect(chatFailure(error(said), upstream)).toMatchObject({ code: 'stage-timeout', timeoutMs, isRetryable: false })
  })

  test.each([
    ['URL Error: Connection refused', true],
    ['URL Error: could not resolve host', true],
    ['URL Error: getaddrinfo failed', true],
    ['URL Error: Name or service not known', true],
    ['URL Error: no route to host', true],
    ['URL Error: network is unreachable', true],
    ['curl: (7) Failed to connect', true],
    ['URL Error: certificate verify failed', true],
    ['Connection was reset by peer', false],
    ['Server disconnected', false],
  ])('%s reports whether anything was sent: %s', (said, isRefusal) => {
    expect(chatFailure(error(said), upstream)).toMatchObject({ code: 'network', isRefusal })
  })
})

describe('the word of a failure', () => {
  test.each([
    ['', 'content-rejected', 'content policy violation, no reason given'],
    ['None', 'content-rejected', 'content policy violation, no reason given'],
    ['It violates our policies', 'content-rejected', 'It violates our policies'],
    ['Nonexistent draft', 'generation-failed', 'Nonexistent draft'],
    ['No available tokens', 'quota-exceeded', 'No available tokens'],
  ])('before %j is %s', (reason, code, said) => {
    expect(markedFailure(reason, upstream)).toMatchObject({ code, message: expect.stringContaining(`said, ${said}`) })
  })

  test('is reported without secrets, with the place', () => {
    expect(verdict('no canary-1', upstream)).toMatchObject({
      code: 'content-rejected',
      url: 'https://chat.example/v1',
      requestId: 'req_1',
      message: expect.stringContaining('no [redacted]'),
    })
  })
})

describe('prose without a video', () => {
  test.each([
    ['It violates our content policy', 'content-rejected'],
    ['No available tokens for video generation', 'quota-exceeded'],
    ["We're under heavy load", 'overloaded'],
    ...[
      'Please enable streaming',
      'Use stream=true',
      'This requires streaming',
      'require a stream',
      'set "stream": true',
    ].map((said) => [said, 'generation-failed']),
    ['switch to stream mode', 'generation-failed'],
    ['turn on stream', 'generation-failed'],
  ])('%s is %s', (prose, code) => {
    expect(proseFailure(prose, upstream)).toMatchObject({ code, message: expect.stringContaining(prose) })
  })

  test.each([
    'Here you are',
    'A stream of water',
    'reuse the stream',
    `use ${'x'.repeat(21)} stream`,
    'the upstream is used',
    'Rate limit reached',
    '',
  ])('%j proves nothing', (prose) => {
    expect(proseFailure(prose, upstream)).toBeUndefined()
  })
})
