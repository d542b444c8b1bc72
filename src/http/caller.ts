import { keyRing } from './api-keys.js'
import type { HandlerOptions } from './handler-options.js'
import { HttpRefusal } from './http-refusal.js'

/** Tells who makes a request, or what to answer instead. */
export type CallerOf = (request: Request) => Promise<string | Response>

const EVERYBODY = 'everybody'

/** How callers are told apart, as the options say. */
export function callerOf({ apiKeys, authenticate }: HandlerOptions): CallerOf {
  if (authenticate !== undefined) {
    return async (request) => {
      const caller = await authenticate(request)
      if (caller === undefined || caller === '') throw unknownCaller()
      return caller
    }
  }
  if (apiKeys === undefined) return async () => EVERYBODY
  const ring = keyRing(apiKeys)
  return async ({ headers }) => {
    const shown = /^bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1] ?? ''
    const owner = ring(shown)
    if (owner === undefined) throw unknownCaller()
    return owner
  }
}

// The same for a key that is missing and one that is wrong.
function unknownCaller(): HttpRefusal {
  return new HttpRefusal({
    status: 401,
    code: 'invalid_api_key',
    message: 'Could not tell who calls: send a valid API key as Authorization: Bearer <key>',
    headers: { 'www-authenticate': 'Bearer' },
  })
}
