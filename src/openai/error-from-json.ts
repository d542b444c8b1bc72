import type { SoraPipelineErrorJson } from '../contracts/errors.js'
import { RecordedError } from '../contracts/recorded-error.js'

/**
 * An error made of its JSON form, for readers of events that have no access to the error itself: switch on `code`. What was
 * aborted becomes an `AbortError` (or the `TimeoutError` of a signal that timed out), as it was before.
 */
export function errorFromJson(json: SoraPipelineErrorJson, { isAborted = false } = {}): Error {
  const isTimeout = json.name === 'TimeoutError' && json.code === 'unexpected'
  if (isTimeout) return new DOMException(json.message, 'TimeoutError')
  if (isAborted || json.code === 'aborted') return new DOMException(json.message, 'AbortError')
  return new RecordedError(json)
}
