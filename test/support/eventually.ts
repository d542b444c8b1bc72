import { vi } from 'vitest'

/** Waits until an assertion holds, for as long as a busy machine may take; what fails is its last failure. */
export function eventually<T>(assertion: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(assertion, { timeout: 30_000, interval: 10 })
}
