import { ConfigurationError } from '../../contracts/input-errors.js'
import { QuotaExceededError, UpstreamHttpError } from '../../contracts/upstream-errors.js'
import { answerError, type RefusedAnswer } from '../../upstream/answer-error.js'
import { hostOf } from '../../upstream/network-failure.js'

/**
 * Reads a status that WebDAV gives a meaning of its own: a folder that does not exist (404, 409), a length that is wanted beforehand
 * (411), a lock (423) and a full store (413, 507). `undefined` for what the usual rule reads as well.
 *
 * Source: RFC 4918, sections 9.7.1, 9.9.4 and 11.
 */
export function webdavError(answer: RefusedAnswer): Error | undefined {
  const { what, url, status, mask } = answer
  const facts = { status, url: mask(url) }
  const message = (reason: string) => `Could not ${what}: ${hostOf(url)} answered ${status}, ${reason}`
  switch (status) {
    case 404:
    case 409: {
      const fix = 'make the folder first, or give the address of one that exists'
      const problem = { field: 'baseUrl', value: `an address that ${hostOf(url)} answers with ${status}`, fix }
      return new ConfigurationError('webdavUploader', [problem], { cause: answerError(answer) })
    }
    case 411:
      return new UpstreamHttpError(message('it takes no video of unknown length'), facts)
    case 413:
      return new QuotaExceededError(message('the video is too large'), facts)
    case 423:
      return new UpstreamHttpError(message('the file is locked'), { ...facts, isRetryable: true })
    case 507:
      return new QuotaExceededError(message('the store is full'), facts)
    default:
      return undefined
  }
}
