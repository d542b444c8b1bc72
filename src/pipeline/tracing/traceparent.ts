const VERSION_00 = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/

/** A W3C `traceparent` of version 00; `undefined` for any other value. */
export function readTraceparent(value: unknown): string | undefined {
  return typeof value === 'string' && VERSION_00.test(value) ? value : undefined
}
