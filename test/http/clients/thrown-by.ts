import { expect } from 'vitest'

/** What a promise rejects with; a test fails whose promise does not. */
export async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => expect.unreachable(`It ended quietly, with ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
}
