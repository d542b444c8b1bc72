import { lastingFailure } from './queue-errors.js'

/** A queue or a worker of BullMQ. */
interface Part {
  waitUntilReady(): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * Resolves when a part of BullMQ is ready. Rejects with its error, also with one that only a person can change, such as a wrong password,
 * which the client reports while it connects again and again.
 */
export async function untilReady(part: Part): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>()
  const refuse = (error: Error) => {
    if (lastingFailure('connection', error) !== undefined) reject(error)
  }
  part.on('error', refuse)
  try {
    await Promise.race([part.waitUntilReady(), promise])
  } finally {
    part.off('error', refuse)
  }
}
