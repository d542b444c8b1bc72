import {
  AuthenticationError,
  QuotaExceededError,
  RateLimitError,
  UpstreamResponseError,
} from '../../../contracts/upstream-errors.js'
import { excerptOf } from '../../../upstream/error-details.js'
import type { Mask } from '../../../upstream/secret.js'

// Words of the Python libraries with which Spaces download and call Google Drive, and of the public Space itself.
const SOURCE = /\b([45]\d\d) (?:Client|Server) Error\b|\bHTTP Error ([45]\d\d)\b/
const QUOTA = /storageQuota|storage quota|quotaExceeded|quota (has been )?exceeded/i
const RATE = /rateLimitExceeded|rate limit exceeded/i
const GRANT = /invalid_grant|invalid_client|expired or revoked|oauth|refresh[_ ]?token|invalid credentials|环境变量/i
const PASSWORD = /password|passcode|密码/i

/**
 * The error of a failed upload, decided by the Space's text, which is the only information: a refused password and an
 * expired access to Google Drive are `AuthenticationError`, a full Drive `QuotaExceededError`, too many calls of
 * Drive `RateLimitError`, and anything else `UpstreamResponseError`, retryable unless the video's own server refuses
 * the Space.
 */
export function url2driveFailure(said: string, host: string, mask: Mask): Error {
  // Secrets and addresses are not words, and the angle brackets of Python's errors are not tags.
  const text = mask(said.slice(0, 20_000)).slice(0, 5_000).replace(/[<>]/g, ' ')
  const words = text.replace(/\bhttps?:\S+/gi, ' ')
  const reason = excerptOf(text, mask) || 'nothing more'
  const message = (problem: string) => `Could not upload the video${problem && `, ${problem}`}: ${host} says ${reason}`
  const source = SOURCE.exec(words)
  if (source !== null) {
    const status = Number(source[1] ?? source[2])
    const isRetryable = status >= 500 || status === 408 || status === 429
    return new UpstreamResponseError(message('the Space cannot download it'), { isRetryable })
  }
  if (QUOTA.test(words)) return new QuotaExceededError(message('Google Drive is full'))
  if (RATE.test(words)) return new RateLimitError(message('Google Drive gets too many requests'))
  if (GRANT.test(words)) {
    return new AuthenticationError(message('the operator of the Space has to renew its access to Google Drive'))
  }
  if (PASSWORD.test(words)) return new AuthenticationError(message('the Space refuses the password'))
  return new UpstreamResponseError(message(''))
}
