import { jsonReply, type Reply } from '../reply.js'
import type { Refusal } from '../route.js'

/** The content of Google's error object. */
export interface GoogleErrorFields {
  readonly message: string
  /** Google's code, such as `notFound`. */
  readonly reason: string
  /** The wrong field, such as `fileId`, and its place: `parameter` or `header`. */
  readonly location?: readonly [name: string, type: 'parameter' | 'header'] | undefined
}

/**
 * An answer with the error object of Google's APIs: `{ error: { code, message, errors: [{ domain, reason, message }],
 * status
 * } }`. Source: Google's guide "Resolve errors" of the Drive API.
 */
export function googleError(
  code: number,
  { message, reason, location }: GoogleErrorFields,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const domain = LIMITS.has(reason) ? 'usageLimits' : 'global'
  const place = location === undefined ? {} : { location: location[0], locationType: location[1] }
  const status = STATUSES[code]
  return jsonReply(
    code,
    { error: { code, message, errors: [{ message, domain, reason, ...place }], ...(status && { status }) } },
    headers,
  )
}

/** The answers of faults: without a reason, the one that Drive gives most often with the status. */
export const googleRefusal: Refusal = (status, { message, reason = REASONS[status] ?? 'backendError' }, headers) => {
  return googleError(status, { message: MESSAGES[reason] ?? message, reason }, headers)
}

const LIMITS: ReadonlySet<string> = new Set(['userRateLimitExceeded', 'rateLimitExceeded', 'dailyLimitExceeded'])

const REASONS: Readonly<Record<number, string>> = {
  400: 'badRequest',
  401: 'authError',
  403: 'userRateLimitExceeded',
  404: 'notFound',
  409: 'fileIdInUse',
  429: 'rateLimitExceeded',
}

const MESSAGES: Readonly<Record<string, string>> = {
  authError: 'Invalid Credentials',
  userRateLimitExceeded: 'User Rate Limit Exceeded',
  rateLimitExceeded: 'Rate Limit Exceeded',
  storageQuotaExceeded: "The user's Drive storage quota has been exceeded.",
  insufficientPermissions: 'Request had insufficient authentication scopes.',
  fileIdInUse: 'A file already exists with the provided ID.',
}

const STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
}
