import { redact } from './secrets/redact.js'
import { causeChainOf, fieldOf } from './thrown-value.js'

const SAFE = /^[\w.:=/+@-]{1,200}$/

/**
 * The id that an upstream gave a request, for its support; `undefined` for anything but 1 to 200 letters, digits and `_.:=/+@-`,
 * and for a value that looks like a credential.
 */
export function safeRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && SAFE.test(value) && redact(value) === value ? value : undefined
}

/** The request id that an error or one of its causes carries, for errors of the library and of the OpenAI and AWS clients. */
export function requestIdOf(thrown: unknown): string | undefined {
  return causeChainOf(thrown)
    .flatMap((link) => [
      fieldOf(link, 'requestId'),
      fieldOf(link, 'requestID'),
      fieldOf(link, 'request_id'),
      fieldOf(fieldOf(link, '$metadata'), 'requestId'),
    ])
    .map(safeRequestId)
    .find((id) => id !== undefined)
}
