import type { SoraPipelineErrorJson } from '../contracts/errors.js'
import { RecordedError } from '../contracts/recorded-error.js'

/**
 * Creates an error from its JSON form, for readers of events without access to the error itself: switch on `code`. An abort
 * becomes an `AbortError` again, or the `TimeoutError` of a signal that timed out.
 */
export function errorFromJson(json: SoraPipelineErrorJson, { isAborted = false } = {}): Error {
  const isTimeout = json.name === 'TimeoutError' && json.code === 'unexpected'
  if (isTimeout) return new DOMException(json.message, 'TimeoutError')
  if (isAborted || json.code === 'aborted') return new DOMException(json.message, 'AbortError')
  return new RecordedError(json)
}
