import { describe, expect, test } from 'vitest'
import { url2driveFailure } from '../../../src/strategies/uploaders/url2drive/url2drive-failure.js'
import { maskOf } from '../../../src/upstream/secret.js'

const failure = (said: string) => url2driveFailure(said, 'space.example', maskOf(['oauth-password-1']))

describe('url2driveFailure', () => {
  test.each([
    ['❌ 密码错误，拒绝访问。', 'authentication', false, 'the Space refuses the password'],
    ['Wrong password', 'authentication', false, 'the Space refuses the password'],
    ['❌ 缺少必要的 OAuth 环境变量', 'authentication', false, 'the operator of the Space has to renew'],
    [
      "('invalid_grant: Token has been expired or revoked.', {'error': 'invalid_grant'})",
      'authentication',
      false,
      'the operator of the Space has to renew its access to Google Drive',
    ],
    [
      "<HttpError 403 when requesting https://www.googleapis.com/upload/drive/v3/files?alt=json returned \"The user's Drive storage quota has been exceeded.\". Details: \"[{'reason': 'storageQuotaExceeded'}]\">",
      'quota-exceeded',
      false,
      'Google Drive is full: space.example says HttpError 403 when requesting',
    ],
    [
      '<HttpError 403 when requesting https://www.googleapis.com/drive returned "User rate limit exceeded.". Details: "[{\'reason\': \'userRateLimitExceeded\'}]">',
      'rate-limited',
      true,
      'Google Drive gets too many requests',
    ],
    [
      '403 Client Error: Forbidden for url: https://cdn.example/password.mp4',
      'upstream-response',
      false,
      'cannot download it',
    ],
    [
      '429 Client Error: Too Many Requests for url: https://cdn.example/a',
      'upstream-response',
      true,
      'cannot download it',
    ],
    ['503 Server Error: Unavailable for url: https://cdn.example/a', 'upstream-response', true, 'cannot download it'],
    ['HTTP Error 404: Not Found', 'upstream-response', false, 'cannot download it'],
    [
      '❌ 错误: URL 为空',
      'upstream-response',
      true,
      'Could not upload the video: space.example says ❌ 错误: URL 为空',
    ],
    ['failed with oauth-password-1 at https://a.example/oauth', 'upstream-response', true, 'failed with [redacted] at'],
    ['', 'upstream-response', true, 'Could not upload the video: space.example says nothing more'],
  ])('reads %j', (said, code, isRetryable, text) => {
    const error = failure(said)
    expect(error).toMatchObject({ code, isRetryable })
    expect(error.message).toContain(text)
  })

  test('reads an endless text quickly', () => {
    const startedAt = performance.now()
    expect(failure('https://'.repeat(200_000)).message.length).toBeLessThan(400)
    expect(performance.now() - startedAt).toBeLessThan(100)
  })
})

test.each([
  ...['storageQuotaExceeded', 'the storage quota', 'quotaExceeded', 'quota has been exceeded', 'quota exceeded'].map(
    (said) => [said, 'quota-exceeded'],
  ),
  ...['rateLimitExceeded', 'Rate Limit Exceeded'].map((said) => [said, 'rate-limited']),
  ...['invalid_grant', 'invalid_client', 'expired or revoked', 'OAuth failed', 'refresh token', 'refresh_token'].map(
    (said) => [said, 'authentication'],
  ),
  ...['refreshtoken', 'Invalid credentials', '环境变量', 'Password wrong', 'bad passcode', '密码错误'].map((said) => [
    said,
    'authentication',
  ]),
  ...['404 Client Error', '500 Server Error', 'HTTP Error 403', 'It broke', 'word 1404 Client Error', ''].map(
    (said) => [said, 'upstream-response'],
  ),
  ...['see https://a.example/password', 'see http://a.example/quotaExceeded'].map((said) => [
    said,
    'upstream-response',
  ]),
] as [string, string][])('the message %j of the Space is %s', (said, code) => {
  expect(failure(said)).toMatchObject({ code })
})

test.each([
  ['404 Client Error', false],
  ['408 Client Error', true],
  ['429 Client Error', true],
  ['500 Server Error', true],
  ['HTTP Error 503', true],
  ['HTTP Error 403', false],
])('%s of the video’s own server is retried: %s', (said, isRetryable) => {
  expect(failure(said)).toMatchObject({ isRetryable, message: expect.stringContaining('the Space cannot download it') })
})

test('a Space without a message is quoted so', () => {
  expect(failure('').message).toBe('Could not upload the video: space.example says nothing more')
  expect(failure('<It> broke').message).toBe('Could not upload the video: space.example says It broke')
})
