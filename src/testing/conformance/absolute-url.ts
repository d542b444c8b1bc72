import assert from 'node:assert/strict'

/** Asserts an absolute http or https address. */
export function isAbsoluteUrl(url: unknown, what: string): asserts url is string {
  const protocol = typeof url === 'string' && URL.canParse(url) ? new URL(url).protocol : undefined
  assert.ok(
    protocol === 'https:' || protocol === 'http:',
    `${what} must be an absolute http or https URL, but is: ${String(url)}`,
  )
}
