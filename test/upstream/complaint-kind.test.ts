import { describe, expect, test } from 'vitest'
import { readComplaint } from '../../src/upstream/complaint.js'
import { type ComplaintKind, complaintKind, plainKind } from '../../src/upstream/complaint-kind.js'
import { readErrorDetails } from '../../src/upstream/error-details.js'

const kindOf = (said: unknown, status?: number) =>
  complaintKind(readComplaint(readErrorDetails(typeof said === 'string' ? said : JSON.stringify(said)), status))

const INVALIDATED = {
  error: {
    message: 'Your authentication token has been invalidated. Please try signing in again.',
    type: 'invalid_request_error',
    code: 'token_invalidated',
    param: null,
  },
  status: 401,
}
const NO_TOKENS =
  "No available tokens for video generation. All tokens are either disabled, cooling down, Sora2 quota exhausted, don't support Sora2, or expired."
const frame = (message: string) => ({ error: { message, type: 'server_error', param: null, code: null } })

// What the servers of the family send, in error frames under 200.
const FRAMES: readonly [ComplaintKind, unknown][] = [
  ['credential', INVALIDATED],
  ['credential', frame(`API request failed: 401 - ${JSON.stringify(INVALIDATED)}`)],
  ['credential', frame('API request failed: 401 - {"error":{"message":"Your authentication tok')],
  ['credential', frame(`HTTP Error: 400 {"error":{"code":"token_expired"}`)],
  ['credential', { error: { code: 'token_expired' } }],
  ['credential', { detail: 'Not authenticated' }],
  ['credential', { detail: 'Invalid API key' }],
  ['credential', 'Unauthorized'],
  ['credential', frame('Could not parse your authentication token')],
  ['credential', frame('API request failed: 403 - {"detail":"Not authenticated"}')],
  ['quota', frame(NO_TOKENS)],
  ['quota', frame(NO_TOKENS.replace('tokens', 'Pro tokens'))],
  ['quota', 'No available models for image generation'],
  ['quota', frame('Sora2 quota exhausted')],
  ['quota', { error: { code: 'insufficient_quota', message: 'You exceeded your current quota' } }],
  ['rate', frame('API request failed: 429 - {"error":{"message":"Too many requests"}}')],
  ['rate', frame('HTTP Error: 403 <!DOCTYPE html><title>Just a moment...</title>')],
  ['rate', frame('Rate limit reached')],
  ['rate', frame('Blocked by Cloudflare')],
  ['rate', { error: { code: 'cf_shield_429', message: 'Shield' } }],
  ['overload', frame("We're under heavy load, please try again later.")],
  ['overload', { error: { code: 'heavy_load' } }],
  ['overload', frame('HTTP Error: 503 upstream connect error')],
  ['region', { error: { code: 'unsupported_country_code', param: 'XX', message: 'Country not supported' } }],
  ['region', frame('API request failed: 403 - {"error":{"code":"unsupported_country_code","param":"XX"}}')],
  ['moderation', frame('Content violates guardrails')],
  ['moderation', frame('HTTP Error: 400 {"error":{"code":"content_policy_violation"}}')],
  ['timeout', frame('Upstream API timeout: Generation exceeded 3000 seconds limit')],
  ['network', frame('URL Error: <urlopen error [Errno 111] Connection refused>')],
  ['network', frame('Failed to perform, curl: (7) Failed to connect')],
  ['other', { error: { code: 'sentinel_block', message: "Hmmm something didn't look right with your request" } }],
  ['other', frame('API request failed: 400 - {"error":{"code":"sentinel_block"}}')],
  ['other', frame('API request failed: 502 - Bad gateway')],
  ['other', frame('Draft missing')],
  ['other', { object: 'error', message: 'Model is loading', code: 40303 }],
]

describe('complaintKind', () => {
  test.each(FRAMES)('%s: %j', (kind, said) => {
    expect(kindOf(said)).toBe(kind)
  })

  test.each([
    [403, { detail: 'Not authenticated' }, 'credential'],
    [401, { detail: 'Invalid API key' }, 'credential'],
    [400, { error: { code: 'invalid_api_key' } }, 'credential'],
    [400, { error: { code: 'sentinel_block', message: 'Hmmm' } }, 'other'],
    [500, frame('400: Invalid model: sora-9'), 'other'],
    [500, frame(NO_TOKENS), 'quota'],
    [503, { error: { message: NO_TOKENS } }, 'quota'],
    [500, frame("We're under heavy load, please try again later."), 'overload'],
    [500, frame(`API request failed: 401 - ${JSON.stringify(INVALIDATED)}`), 'credential'],
    [502, { error: { message: 'main service answered', code: 'main_service_error' } }, 'other'],
    [504, { error: { message: 'No task id yet', code: 'task_id_timeout' } }, 'other'],
    [500, frame('Rate limit of the database'), 'other'],
    [500, frame('The request timed out'), 'other'],
    [409, frame(NO_TOKENS), 'other'],
    [403, 'Not available in your region', 'region'],
    [403, '<html>Just a moment</html>', 'other'],
    [403, { error: 'Forbidden' }, 'credential'],
  ] as const)('under %i %j is %s', (status, said, kind) => {
    expect(kindOf(said, status)).toBe(kind)
  })

  test.each([
    [frame('400: Invalid model: sora-9'), 500, 400],
    [frame('API request failed: 401 - {"error":{}}'), undefined, 401],
    [frame('Generation failed: {"status":429}'), undefined, 429],
    [{ error: { code: 429, message: 'Slow down' } }, undefined, 429],
    [frame('Generation failed: 500 seconds passed'), undefined, undefined],
    [frame('Job 4011 is gone'), undefined, undefined],
    [frame('401: not yours'), 404, 404],
  ])('%j under %s reports the status %s', (said, status, told) => {
    expect(readComplaint(readErrorDetails(JSON.stringify(said)), status).status).toBe(told)
  })

  test.each([
    ['error: 404', 404],
    ['status=503', 503],
    ['code  429', 429],
    ['Failed: 400, sorry', 400],
    ['error 500.5', undefined],
    ['error: 500ms', undefined],
    ['error: 500 s', undefined],
    ['failed: 500 seconds', undefined],
    ['failed: 500 sec', undefined],
    ['failed: 45%', undefined],
    ['failed: 450 %', undefined],
    ['terror: 404', undefined],
    ['error: 304', undefined],
    ['error: 4040', undefined],
    ['see 404', undefined],
  ])('the message %j reports the status %s', (message, status) => {
    expect(readComplaint({ message, words: [], isPage: false }).status).toBe(status)
  })

  test.each([
    ['failed: {"error":{"code":"a_b","message":"Inner"}}', ['a_b'], 'Inner', true],
    ['failed: {"error":{"message":"Inner"}} and more', [], 'Inner', true],
    ['failed: {"error":{"code":"a_b","mess', ['a_b'], 'failed: {"error":{"code":"a_b","mess', true],
    ["failed: {'code' : 'a.b-c', 'x'", ['a.b-c'], "failed: {'code' : 'a.b-c', 'x'", true],
    ['failed: {"id":"x"}', [], 'failed: {"id":"x"}', false],
    ['failed: {anime}', [], 'failed: {anime}', false],
    ['failed } {', [], 'failed } {', false],
    ['It broke', [], 'It broke', false],
  ])('what %j quotes is read', (message, words, said, isRelayed) => {
    expect(readComplaint({ message, words: [], isPage: false })).toMatchObject({ words, message: said, isRelayed })
    expect(readComplaint({ message, words: ['own'], isPage: false }, 499)).toMatchObject({
      words: ['own'],
      message,
      isRelayed: false,
    })
  })

  test('a page that is relayed is one', () => {
    const page = (message: string) => readComplaint({ message, words: [], isPage: false }).isPage
    expect([page('HTTP Error: 403 <!DOCTYPE html>'), page('error: 502 <html>')]).toEqual([true, true])
    expect([page('<html>'), page('error: 502'), page('error: 502 {"message":"<html>"}')]).toEqual([false, false, false])
    expect(readComplaint({ message: 'error: 502', words: [], isPage: true }).isPage).toBe(true)
  })

  test('what lies behind 20,000 characters is an echo', () => {
    const message = `${'x'.repeat(19_990)}error: 404${'y'.repeat(10)}`
    expect(readComplaint({ message: `${'x '.repeat(9_990)}error: 404 y`, words: [], isPage: false }).status).toBe(404)
    expect(
      readComplaint({ message: `${'x '.repeat(10_000)}error: 404`, words: [], isPage: false }).status,
    ).toBeUndefined()
    expect(readComplaint({ message, words: [], isPage: false }).message).toHaveLength(20_000)
  })

  test('plain sentences are known wherever they stand', () => {
    expect(plainKind(NO_TOKENS)).toBe('quota')
    expect(plainKind('Servers are under heavy load')).toBe('overload')
    expect(plainKind('Your quota: three videos')).toBeUndefined()
  })

  test('a message of 1 MB is read quickly', () => {
    const messages = ['{'.repeat(1e6), '"code" : '.repeat(1e5), 'failed: 40'.repeat(1e5), `{"a":"${'}'.repeat(1e6)}`]
    // Of this thread alone: what else the machine does is no matter here. Before Node 23.9 that of the process has to do.
    const cpuUsage = process.threadCpuUsage ?? process.cpuUsage
    const before = cpuUsage()
    for (const message of messages) kindOf(frame(message))
    expect(cpuUsage(before).user / 1000).toBeLessThan(100 * messages.length)
  })
})
