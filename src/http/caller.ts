import { describeValue } from '../contracts/errors.js'
import { ConfigurationError } from '../contracts/input-errors.js'
import { isOwner, keyRing, OWNER_RULE } from './api-keys.js'
import type { HandlerOptions } from './handler-options.js'
import { HttpRefusal } from './http-refusal.js'
import type { Incoming } from './incoming.js'
import { warnOnce } from './warn-once.js'

/** Returns the owner of a request, or the answer to send instead. */
export type CallerOf = (request: Incoming) => string | Promise<string | Response>

const OPEN_OWNER = 'everybody'
const OPEN_HANDLER =
  'createHandler() has neither apiKeys nor authenticate: every client that reaches it can start videos at your cost. ' +
  'Set one of them, or public: true for an open server'

/** Identifies callers by the options. An open server without `public: true` warns, once per process. */
export function callerOf({ apiKeys, authenticate, public: isPublic }: HandlerOptions): CallerOf {
  if (authenticate !== undefined) {
    return async (request) => {
      // With this option no request is passed on in another type.
      const caller: unknown = await authenticate(request as Request)
      if (!caller) throw unknownCaller()
      if (isResponse(caller) || isOwner(caller)) return caller
      throw noOwner(caller)
    }
  }
  if (apiKeys === undefined) {
    if (isPublic !== true) warnOnce('SORA_PIPELINE_OPEN_HANDLER', OPEN_HANDLER)
    return () => OPEN_OWNER
  }
  const ring = keyRing(apiKeys)
  return ({ headers }) => {
    const shown = /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1] ?? ''
    const owner = ring(shown)
    if (owner === undefined) throw unknownCaller()
    return owner
  }
}

// A `Response` of another implementation, such as that of the package undici, is not an instance of this realm's
// class.
function isResponse(value: unknown): value is Response {
  return value instanceof Response || Object.prototype.toString.call(value) === '[object Response]'
}

function noOwner(caller: unknown): ConfigurationError {
  // A text may be a credential: its length is shown, not the text.
  const value = typeof caller === 'string' ? `a text of ${caller.length} characters` : describeValue(caller)
  const fix = `resolve with the owner as a text (${OWNER_RULE}), a Response, or undefined for a 401`
  return new ConfigurationError('createHandler', [{ field: 'authenticate()', value, fix }])
}

// The same answer for a missing key and a wrong one.
function unknownCaller(): HttpRefusal {
  return new HttpRefusal({
    status: 401,
    code: 'invalid_api_key',
    message: 'Could not identify the caller: send a valid API key as Authorization: Bearer <key>',
    headers: { 'www-authenticate': 'Bearer' },
  })
}
