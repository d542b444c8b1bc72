import { ConfigurationError } from '../contracts/input-errors.js'
import { AuthenticationError, QuotaExceededError, UpstreamResponseError } from '../contracts/upstream-errors.js'
import type { RefusedAnswer } from '../upstream/answer-error.js'
import { type ApiAnswer, type ApiCall, createApi } from '../upstream/api.js'
import { excerptOf, readErrorDetails } from '../upstream/error-details.js'
import { isRecord } from '../upstream/is-record.js'
import { hostOf } from '../upstream/network-failure.js'
import type { JsonBinDocument } from './json-bin-document.js'
import type { CheckedJsonBinOptions } from './json-bin-options.js'

/** One bin. */
export interface JsonBinClient {
  /**
   * The content of the bin.
   * @throws ConfigurationError when the bin does not exist.
   * @throws AuthenticationError when the key does not give access to it.
   * @throws QuotaExceededError when the account has no requests left.
   * @throws UpstreamResponseError when the answer is not JSON. It is never quoted, because it may be of a foreign
   * bin.
   * @throws NetworkError and other errors when the service is unavailable.
   */
  read(signal: AbortSignal): Promise<unknown>
  /** Replaces the content of the bin; rejects as `read` does. After an abort either content may be stored. */
  write(document: JsonBinDocument, signal: AbortSignal): Promise<void>
}

// The service has one sentence for each error, and no code: https://jsonbin.io/api-reference/bins/read
const QUOTA = /\b(quota|limit|exhausted|exceeded)\b/i

/** Creates the client of one bin of JSONBin v3. */
export function createJsonBinClient(options: CheckedJsonBinOptions): JsonBinClient {
  const { binId, masterKey, accessKey, baseUrl, timeoutMs, fetch } = options
  const [header, key] = accessKey === undefined ? ['x-master-key', masterKey ?? ''] : ['x-access-key', accessKey]
  const api = createApi({ subject: 'jsonBinSettings', baseUrl, fetch })
  const call = (request: Pick<ApiCall, 'what' | 'method' | 'json' | 'signal'>, path: string, own: string) => {
    return api.call({
      ...request,
      url: api.address(`/b/${binId}${path}`),
      headers: { [header]: key, [own]: 'false' },
      secrets: [key],
      timeoutMs,
      readError: (answer) => readError(answer, binId),
    })
  }
  return {
    async read(signal) {
      const answer = await call({ what: 'read the settings', method: 'GET', signal }, '/latest', 'x-bin-meta')
      const body = readJson(answer)
      // A proxy that drops the header returns the record with its wrapping.
      return isRecord(body) && 'record' in body && 'metadata' in body ? body.record : body
    },
    async write(document, signal) {
      await call({ what: 'store the settings', method: 'PUT', json: document, signal }, '', 'x-bin-versioning')
    },
  }
}

function readError(answer: RefusedAnswer, binId: string): Error | undefined {
  const { status, url, mask, what } = answer
  const { message, isPage } = readErrorDetails(answer.text)
  if (isPage) return undefined
  const isBin = status === 404 || (status === 400 && /\bbin id\b/i.test(message))
  if (isBin) {
    const fix = `give the id of a bin of this account: ${hostOf(url)} answered ${status}`
    return new ConfigurationError('jsonBinSettings', [{ field: 'binId', value: JSON.stringify(binId), fix }])
  }
  if (status !== 401 && status !== 403) return undefined
  const reason = excerptOf(message, mask)
  const answered = `${hostOf(url)} answered ${status}${reason && `, ${reason}`}`
  const facts = { status, url: mask(url) }
  if (status === 403 && QUOTA.test(message)) return new QuotaExceededError(`Could not ${what}: ${answered}`, facts)
  return new AuthenticationError(
    `Could not ${what}: the masterKey or accessKey does not give access to the bin, ${answered}`,
    facts,
  )
}

function readJson({ text, what, url, status, mask }: ApiAnswer): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own message quotes the body, so it is not kept as a cause.
    const problem = readErrorDetails(text).isPage ? 'a page' : 'something other than JSON'
    throw new UpstreamResponseError(`Could not ${what}: ${hostOf(url)} answered with ${problem}`, {
      status,
      url: mask(url),
    })
  }
}
