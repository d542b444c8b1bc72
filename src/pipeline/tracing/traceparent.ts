const VERSION_00 = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/

/** A W3C `traceparent` of version 00; `undefined` for any other value. */
export function readTraceparent(value: unknown): string | undefined {
  return typeof value === 'string' && VERSION_00.test(value) ? value : undefined
}

const ANY_VERSION = /^(?!ff)([\da-f]{2})-([\da-f]{32}-[\da-f]{16})-([\da-f]{2})(-.*)?$/
const SAMPLED = 1

/**
 * The header `traceparent` of a request as version 00; `undefined` without a valid one, as W3C Trace Context has it. Of a later
 * version the known fields are read, and of its flags only `sampled`.
 */
export function traceparentOfHeader(header: string | null): string | undefined {
  const value = header?.trim()
  const [, version, ids, flags = ''] = ANY_VERSION.exec(value ?? '') ?? []
  if (version === undefined || version === '00') return readTraceparent(value)
  const sampled = Number.parseInt(flags, 16) & SAMPLED
  return readTraceparent(`00-${ids}-0${sampled}`)
}
