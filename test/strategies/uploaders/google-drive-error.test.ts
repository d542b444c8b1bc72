import { expect, test } from 'vitest'
import {
  type DriveRequestSubject,
  driveError,
} from '../../../src/strategies/uploaders/google-drive/google-drive-error.js'
import { maskOf } from '../../../src/upstream/secret.js'

const legacy = (reason: string, message = 'No') => ({ error: { code: 403, message, errors: [{ reason, message }] } })
const modern = (reason: string) => ({
  error: {
    code: 403,
    message: 'Request had insufficient authentication scopes.',
    status: 'PERMISSION_DENIED',
    details: [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com' }],
  },
})

const errorOf = (status: number, body: unknown, subject: DriveRequestSubject = {}, headers = {}) =>
  driveError(
    {
      what: 'upload the video',
      url: 'https://www.googleapis.com/upload/drive/v3/files?upload_id=1',
      status,
      headers: new Headers(headers),
      text: typeof body === 'string' ? body : JSON.stringify(body),
      mask: maskOf(['secret-1']),
    },
    subject,
  )

test.each([
  ['rateLimitExceeded', 403, legacy('rateLimitExceeded'), 'rate-limited', true],
  ['userRateLimitExceeded', 403, legacy('userRateLimitExceeded'), 'rate-limited', true],
  ['RATE_LIMIT_EXCEEDED', 403, modern('RATE_LIMIT_EXCEEDED'), 'rate-limited', true],
  ['storageQuotaExceeded', 403, legacy('storageQuotaExceeded'), 'quota-exceeded', false],
  ['teamDriveFileLimitExceeded', 403, legacy('teamDriveFileLimitExceeded'), 'quota-exceeded', false],
  ['insufficientPermissions', 403, legacy('insufficientPermissions'), 'authentication', false],
  ['ACCESS_TOKEN_SCOPE_INSUFFICIENT', 403, modern('ACCESS_TOKEN_SCOPE_INSUFFICIENT'), 'authentication', false],
])('%s', (_, status, body, code, isRetryable) => {
  expect(errorOf(status, body)).toMatchObject({
    code,
    isRetryable,
    status,
    url: 'https://www.googleapis.com/upload/drive/v3/files',
  })
})

test.each([
  ['an error of the server', 500, legacy('userRateLimitExceeded')],
  ['an unknown reason', 403, legacy('domainPolicy')],
  ['a page', 403, '<html>Forbidden</html>'],
  ['another shape', 403, { error: 'no' }],
  ['a missing file without a folder', 404, legacy('notFound')],
])('leaves %s to the usual rule', (_, status, body) => {
  expect(errorOf(status, body)).toBeUndefined()
})

test.each(['notFound', 'insufficientFilePermissions', 'insufficientParentPermissions'])(
  'names the folder: %s',
  (reason) => {
    expect(errorOf(404, legacy(reason), { folderId: '1dyUEebJ' })).toMatchObject({
      code: 'configuration-invalid',
      problems: [{ field: 'folderId', value: '"1dyUEebJ"' }],
    })
  },
)

test('names the option that shares', () => {
  for (const status of [400, 403]) {
    expect(errorOf(status, legacy('domainPolicy'), { isSharing: true })).toMatchObject({
      code: 'configuration-invalid',
      problems: [{ field: 'share', value: '"anyone"' }],
    })
  }
  expect(errorOf(401, legacy('authError'), { isSharing: true })).toBeUndefined()
})

test('has the message of Drive, without secrets, and how long to wait', () => {
  const body = legacy('rateLimitExceeded', 'Too many from secret-1')
  expect(errorOf(403, body, {}, { 'retry-after': '7' })).toMatchObject({
    message: 'Could not upload the video: www.googleapis.com answered 403, Too many from [redacted]',
    retryAfterMs: 7_000,
  })
})

test('a refusal without a sentence has its reason as the message', () => {
  expect(errorOf(403, { error: { errors: [{ reason: 'rateLimitExceeded' }] } })?.message).toBe(
    'Could not upload the video: www.googleapis.com answered 403, rateLimitExceeded',
  )
})

test.each([
  ...['rateLimitExceeded', 'userRateLimitExceeded', 'sharingRateLimitExceeded', 'RATE_LIMIT_EXCEEDED'].map((reason) => [
    reason,
    'rate-limited',
  ]),
  ...['storageQuotaExceeded', 'teamDriveFileLimitExceeded', 'activeItemCreationLimitExceeded'].map((reason) => [
    reason,
    'quota-exceeded',
  ]),
  ...['numChildrenInNonRootLimitExceeded', 'dailyLimitExceeded', 'quotaExceeded'].map((reason) => [
    reason,
    'quota-exceeded',
  ]),
  ...['insufficientPermissions', 'insufficientScopes', 'ACCESS_TOKEN_SCOPE_INSUFFICIENT'].map((reason) => [
    reason,
    'authentication',
  ]),
] as [string, string][])('the reason %s means %s, in either list of reasons, under any 4xx', (reason, code) => {
  for (const body of [legacy(reason), modern(reason)])
    for (const status of [400, 403, 429, 499]) expect(errorOf(status, body)).toMatchObject({ code, status })
  expect(errorOf(500, legacy(reason))).toBeUndefined()
})

test.each(['notFound', 'insufficientFilePermissions', 'insufficientParentPermissions', 'parentNotAFolder'])(
  'the reason %s is about the folder, where one is configured',
  (reason) => {
    const error = errorOf(404, legacy(reason, 'no secret-1'), { folderId: 'folder_1' })
    expect(error).toMatchObject({ code: 'configuration-invalid', cause: { status: 404 } })
    expect(String(error)).toMatch(
      /googleDriveUploader.*folderId is "folder_1".*give the id of a folder in which the account/s,
    )
    expect(errorOf(404, legacy(reason))).toBeUndefined()
  },
)

test('a request that shares names that option only under 400 and 403', () => {
  for (const status of [400, 403])
    expect(String(errorOf(status, 'x', { isSharing: true }))).toMatch(/share is "anyone".*set it to 'none'/s)
  expect(errorOf(404, 'x', { isSharing: true })).toBeUndefined()
  expect(errorOf(403, 'x', { isSharing: false })).toBeUndefined()
})

test('a reason is reported with the sentence beside it, without secrets', () => {
  expect(errorOf(403, legacy('quotaExceeded', 'no secret-1'), {}, { 'x-goog-request-id': 'r_1' })).toMatchObject({
    message: expect.stringMatching(/^Could not upload the video: www\.googleapis\.com answered 403, no \[redacted\]/),
    requestId: 'r_1',
  })
})
