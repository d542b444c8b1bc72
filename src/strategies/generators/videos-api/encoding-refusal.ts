import { isSoraPipelineError } from '../../../contracts/errors.js'
import { UpstreamHttpError } from '../../../contracts/upstream-errors.js'

// FastAPI and similar frameworks do not name the encoding: they report the prompt as missing, although it was sent.
const MISSES_PROMPT = /\bprompt\b[^;.]{0,80}(required|missing)|(required|missing)[^;.]{0,80}\bprompt\b/i
const NAMES_ENCODING =
  /content[- ]?type|media type|multipart|form[- ]?data|boundary|application\/json|(invalid|malformed|expected|pars|decod|unmarshal)\w*[^;.]{0,40}\bjson\b|\bjson\b[^;.]{0,40}(pars|decod|expected|invalid)/i

/**
 * Whether a submission was refused for its encoding: 415, or a 400 or 422 that names the encoding or reports a sent
 * prompt as missing. Such an answer proves that nothing was accepted, so the same submission may be sent in the other
 * encoding.
 */
export function isEncodingRefusal(error: unknown): boolean {
  if (!isSoraPipelineError(error) || !(error instanceof UpstreamHttpError)) return false
  if (error.status === 415) return true
  const text = `${error.message} ${error.bodyExcerpt}`
  return (error.status === 400 || error.status === 422) && (NAMES_ENCODING.test(text) || MISSES_PROMPT.test(text))
}

/** The refusal of JSON for a request whose image is an address or a data URL, which a form of the server may not have: what to do. */
export function withAddressAdvice(error: unknown): unknown {
  if (!(error instanceof UpstreamHttpError)) return error
  const { message, status, url, requestId, retryAfterMs, bodyExcerpt, isRefusal } = error
  const advice = "the image was sent as a text, which only JSON has; set imageUrls: 'bytes' to send a file in a form"
  const said = `${message}; ${advice}`
  const facts = { status, url, requestId, retryAfterMs, bodyExcerpt, isRefusal }
  return new UpstreamHttpError(said, { ...facts, cause: error })
}
