import { safeRequestId } from '../contracts/request-id.js'
import type { AnswerHeaders } from './answer.js'
import type { Mask } from './secret.js'

// The API's own first, then those of its relay, its cloud, and the proxy in front.
const HEADERS = [
  'x-request-id',
  'request-id',
  'x-oneapi-request-id',
  'x-goog-request-id',
  'x-amzn-requestid',
  'x-amz-request-id',
  'x-ms-request-id',
  'apim-request-id',
  'x-correlation-id',
  'cf-ray',
] as const

/** The id of a request in the headers of its answer; `undefined` if none is safe to show. */
export function requestIdFrom(headers: AnswerHeaders, mask: Mask): string | undefined {
  return HEADERS.map((name) => safeRequestId(headers.get(name)))
    .filter((id) => id !== undefined)
    .find((id) => mask(id) === id)
}
