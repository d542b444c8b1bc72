import { describe, expect, test } from 'vitest'
import type { Complaint } from '../../src/upstream/complaint.js'
import { type ComplaintKind, complaintKind, plainKind } from '../../src/upstream/complaint-kind.js'

const kindOf = (complaint: Partial<Complaint>) =>
  complaintKind({ words: [], message: '', isPage: false, isRelayed: false, ...complaint })

const WORDS: readonly [ComplaintKind, readonly string[]][] = [
  [
    'credential',
    [
      ...['token_invalidated', 'token-expired', 'Token Revoked', 'invalid_api_key', 'invalidApiKey', 'invalid-token'],
      ...['unauthorized', 'Unauthorised', 'AuthFailure.SignatureExpire', 'SignatureDoesNotMatch', 'InvalidAccessKeyId'],
      ...['API_KEY_INVALID', 'incorrect_api_key', 'UNAUTHENTICATED', 'AuthenticationError', 'missing_api_key'],
    ],
  ],
  [
    'quota',
    [
      ...[
        'insufficient_quota',
        'insufficientBalance',
        'insufficient_user_quota',
        'insufficient-credit',
        'insufficient_credits',
      ],
      ...[
        'insufficient_funds',
        'quota_exceeded',
        'QuotaExhausted',
        'quota not enough',
        'quota_not_enough',
        'token_quota_failed',
      ],
      ...['billing_hard_limit_reached', 'out_of_credits', 'out-of-credit', 'AccountOverdue', 'Arrearage'],
      ...['budget_exceeded', 'not_enough_credits', 'payment_required', 'TokenStatusExhausted', 'credits_exhausted'],
    ],
  ],
  [
    'rate',
    [
      'rate_limit_exceeded',
      'rateLimit',
      'RequestLimitExceeded',
      'request_limit',
      'too_many_requests',
      'cf_shield_429',
      'cf-shield',
      'Throttling.User',
      'ThrottlingException',
      'too_many_tasks',
      'ConcurrencyLimitExceeded',
    ],
  ],
  ['overload', ['heavy_load', 'heavy-load', 'overloaded_error', 'server_busy']],
  ['region', ['unsupported_country_region_territory', 'unsupported-region', 'geo_blocked', 'geoRestricted']],
]

describe('a word of an upstream', () => {
  const cases = WORDS.flatMap(([kind, words]) => words.map((word) => [word, kind] as const))

  test.each(cases)('%s is %s in a 4xx and in a stream, and proves nothing in a 5xx', (word, kind) => {
    expect(kindOf({ status: 400, words: [word] })).toBe(kind)
    expect(kindOf({ status: 418, words: ['odd', word] })).toBe(kind)
    expect(kindOf({ words: [word] })).toBe(kind)
    expect(kindOf({ status: 500, words: [word] })).toBe('other')
    expect(kindOf({ status: 399, words: [word] })).toBe('other')
  })

  test.each([
    'token',
    'api_key',
    'quota',
    'balance',
    'insufficient_storage',
    'rate',
    'limit',
    'load',
    'country',
    'geo',
  ])('%s alone proves nothing', (word) => {
    expect(kindOf({ status: 400, words: [word] })).toBe('other')
  })
})

describe('a sentence about money', () => {
  const sentences = [
    ...[
      'Your balance is not enough',
      'Your credits are exhausted',
      'Account funds insufficient',
      'The quota is exhausted',
    ],
    ...['Exhausted balance', 'Insufficient account credits', 'Overdue account balance', 'credit is insufficient'],
    ...["You don't have enough credits", 'You do not have enough credits', 'You don’t have sufficient credits'],
    ...['账户余额不足', '账号已欠费', '额度不足', '积分不足'],
  ]

  test.each(sentences)('%s is quota, where the status may be one of that', (message) => {
    for (const status of [undefined, 400, 402, 403, 429]) expect(kindOf({ status, message })).toBe('quota')
    for (const status of [404, 422, 500]) expect(kindOf({ status, message })).toBe('other')
  })

  test.each(['The balance of the scene is wrong', 'Credits: two people', 'Not in the credits', 'fundamental'])(
    '%s is about something else',
    (message) => {
      expect(kindOf({ status: 400, message })).toBe('other')
    },
  )
})

describe('a sentence about the place', () => {
  test.each([
    'User location is not supported for the API use.',
    'Your location is not supported',
    'Not available in your country',
    'Veo is not supported in this region',
    'not available in your location',
    'not available in this territory',
    'Country, region, or territory not supported',
    'The region you are in is not supported',
  ])('%s is the region, where the status may be one of that', (message) => {
    for (const status of [undefined, 400, 403, 451]) expect(kindOf({ status, message })).toBe('region')
    for (const status of [404, 422, 500]) expect(kindOf({ status, message })).toBe('other')
  })

  test.each(['Blocked in this territory', 'Of another country', 'No such region'])(
    '%s is the region only under a 403 or a 451',
    (message) => {
      for (const status of [403, 451]) expect(kindOf({ status, message })).toBe('region')
      expect(kindOf({ status: 400, message })).toBe('other')
    },
  )

  test.each(['The region of the picture', 'Not available in your plan', 'A location is missing', 'Countryside'])(
    '%s is about something else',
    (message) => {
      expect(kindOf({ status: 400, message })).toBe('other')
    },
  )
})

const SENTENCES: readonly [ComplaintKind, readonly string[]][] = [
  [
    'credential',
    ['Unauthorized', 'You are unauthorised', 'Not authenticated', 'Invalid API key', 'invalid token given'],
  ],
  ['credential', ['Bad authentication token', 'code token_invalidated', 'token_expired since Monday']],
  [
    'quota',
    ['Above your quota', 'All accounts exhausted', 'insufficient credit', 'Insufficient balance', 'out of credits'],
  ],
  ['quota', ['insufficient funds', 'You are out of credit']],
  [
    'rate',
    ['Rate limit reached', 'rate-limited', 'ratelimit', 'Too many requests', 'Cloudflare says no', '触发频率限制'],
  ],
  ['rate', ['已被限流', '请求过于频繁']],
  ['overload', ['The model is overloaded']],
  ['region', ['unsupported_country XX', 'unsupported region', 'only available in your country of birth']],
  ['region', ['supported in your region soon']],
  ['timeout', ['Upstream timeout', 'time-out', 'a time out', 'It timed out', 'Generation exceeded 3000 seconds limit']],
  ['network', ['URL Error: refused', 'curl: (28) nothing came', 'connection reset by peer', 'Connection was refused']],
  ['network', ['the connection has been closed', 'connection aborted', 'Provider disconnected', 'server disconnected']],
  ['network', ['upstream disconnected without an answer']],
]

describe('a sentence without a status', () => {
  const cases = SENTENCES.flatMap(([kind, sentences]) => sentences.map((sentence) => [sentence, kind] as const))

  test.each(cases)('%s is %s', (message, kind) => {
    expect(kindOf({ message })).toBe(kind)
  })

  test.each([
    'A cat sleeps',
    'quotas',
    'sometimes outside',
    'The cat disconnected',
    'connection',
    'exceeded seconds',
    '',
  ])('%j is neither', (message) => {
    expect(kindOf({ message })).toBe('other')
  })
})

describe('a status', () => {
  test.each([
    [401, 'credential'],
    [402, 'quota'],
    [403, 'credential'],
    [429, 'rate'],
    [503, 'overload'],
    [529, 'overload'],
    [400, 'other'],
    [404, 'other'],
    [451, 'other'],
    [500, 'other'],
    [502, 'other'],
  ] as const)('%i alone is %s', (status, kind) => {
    expect(kindOf({ status, message: 'No' })).toBe(kind)
  })

  test.each([408, 409, 444, 460, 499])('%i leaves open what became of the request, whatever its message', (status) => {
    const words = ['insufficient_quota', 'moderation_blocked']
    expect(kindOf({ status, words, message: 'No available tokens' })).toBe('other')
  })

  test('403 is not about a credential on a page, and about that of the upstream where it relays', () => {
    expect(kindOf({ status: 403, isPage: true })).toBe('other')
    expect(kindOf({ status: 403, isRelayed: true })).toBe('rate')
    expect(kindOf({ status: 403, isRelayed: true, isPage: true })).toBe('rate')
    expect(kindOf({ status: 403, isRelayed: true, message: 'Not authenticated' })).toBe('credential')
    expect(kindOf({ status: 401, isRelayed: true, isPage: true })).toBe('credential')
  })

  test.each([400, 403, 422, 424, 429, 446, 451, 503, 529, undefined])('%s may come with a verdict', (status) => {
    expect(kindOf({ status, words: ['moderation_blocked'] })).toBe('moderation')
    expect(kindOf({ status, message: 'It violates our usage policies' })).toBe('moderation')
  })

  test.each([404, 500, 502])('%i comes with none', (status) => {
    expect(kindOf({ status, words: ['moderation_blocked'] })).not.toBe('moderation')
  })
})

describe('plainKind', () => {
  test.each([
    ['No available tokens', 'quota'],
    ['no available models', 'quota'],
    ['There are no available Pro accounts left', 'quota'],
    ['We are under heavy load', 'overload'],
    ['Slow due to heavy load', 'overload'],
    ['heavy_load', 'overload'],
  ] as const)('%s is %s, whatever the status', (message, kind) => {
    expect(plainKind(message)).toBe(kind)
    for (const status of [undefined, 200, 400, 401, 500]) expect(kindOf({ status, message })).toBe(kind)
  })

  test.each(['No available slots', 'no available', 'A heavy load of bricks', 'no available tokensets', 'heavy_loads'])(
    '%s is neither',
    (message) => {
      expect(plainKind(message)).toBeUndefined()
    },
  )
})
