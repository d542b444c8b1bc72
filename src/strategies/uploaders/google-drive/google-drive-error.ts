import * as z from 'zod/mini'
import { describeValue } from '../../../contracts/errors.js'
import { ConfigurationError } from '../../../contracts/input-errors.js'
import { AuthenticationError, QuotaExceededError, RateLimitError } from '../../../contracts/upstream-errors.js'
import { answerError, type RefusedAnswer } from '../../../upstream/answer-error.js'
import { excerptOf, readErrorDetails } from '../../../upstream/error-details.js'
import { jsonOf } from '../../../upstream/json-of.js'
import { hostOf } from '../../../upstream/network-failure.js'
import { requestIdFrom } from '../../../upstream/request-id.js'
import { retryAfterMs } from '../../../upstream/retry-after.js'

/** The subject of a refused request, for errors that name the option to change. */
export interface DriveRequestSubject {
  /** The folder that the request names. */
  readonly folderId?: string | undefined
  /** Whether the request shares the file. */
  readonly isSharing?: boolean | undefined
}

const RATE_LIMITS: ReadonlySet<string> = new Set([
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'sharingRateLimitExceeded',
  'RATE_LIMIT_EXCEEDED',
])
const QUOTAS: ReadonlySet<string> = new Set([
  'storageQuotaExceeded',
  'teamDriveFileLimitExceeded',
  'activeItemCreationLimitExceeded',
  'numChildrenInNonRootLimitExceeded',
  'dailyLimitExceeded',
  'quotaExceeded',
])
const SCOPES: ReadonlySet<string> = new Set([
  'insufficientPermissions',
  'insufficientScopes',
  'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
])
const FOLDER_REFUSALS: ReadonlySet<string> = new Set([
  'notFound',
  'insufficientFilePermissions',
  'insufficientParentPermissions',
  'parentNotAFolder',
])

const FOLDER_FIX =
  'give the id of a folder in which the account may create files; a token with the scope drive.file sees only folders that ' +
  'this app created or was given'
const SHARE_FIX = "let the account share files with anyone who has the link, or set it to 'none'"

const Reason = z.object({ reason: z.optional(z.string()) })
const ErrorBody = z.object({
  error: z.object({ errors: z.optional(z.array(Reason)), details: z.optional(z.array(Reason)) }),
})

/**
 * Reads an error of Drive by its reason, which is more precise than its status: 403 alone stands for a rate limit, a
 * quota, a missing scope and a folder without write access. `undefined` for errors that the default rule reads as
 * well.
 *
 * Source: developers.google.com/workspace/drive/api/guides/handle-errors.
 */
export function driveError(answer: RefusedAnswer, { folderId, isSharing }: DriveRequestSubject): Error | undefined {
  const { status, headers, url, mask } = answer
  const reasons = reasonsOf(answer.text)
  const isAny = (of: ReadonlySet<string>) => reasons.some((reason) => of.has(reason))
  const said = excerptOf(readErrorDetails(answer.text).message, mask)
  const message = `Could not ${answer.what}: ${hostOf(url)} answered ${status}${said && `, ${said}`}`
  const requestId = requestIdFrom(headers, mask)
  const options = { status, url: mask(url), retryAfterMs: retryAfterMs(headers, Date.now()), requestId }
  if (status >= 500) return undefined
  if (isAny(RATE_LIMITS)) return new RateLimitError(message, options)
  if (isAny(QUOTAS)) return new QuotaExceededError(message, options)
  if (isAny(SCOPES)) {
    const scope = 'request https://www.googleapis.com/auth/drive.file, or https://www.googleapis.com/auth/drive'
    return new AuthenticationError(`Could not ${answer.what}: the access token lacks a scope; ${scope}`, options)
  }
  if (folderId !== undefined && isAny(FOLDER_REFUSALS)) {
    return misconfigured('folderId', folderId, FOLDER_FIX, answer)
  }
  if (isSharing && (status === 400 || status === 403)) return misconfigured('share', 'anyone', SHARE_FIX, answer)
  return undefined
}

function misconfigured(field: string, value: string, fix: string, answer: RefusedAnswer): ConfigurationError {
  const problem = { field, value: describeValue(value), fix }
  return new ConfigurationError('googleDriveUploader', [problem], { cause: answerError(answer) })
}

function reasonsOf(text: string): readonly string[] {
  const { errors = [], details = [] } = z.safeParse(ErrorBody, jsonOf(text)).data?.error ?? {}
  return [...errors, ...details].flatMap(({ reason }) => reason ?? [])
}
