import { createHash } from 'node:crypto'
import { HttpRefusal } from '../http-refusal.js'
import type { Incoming } from '../incoming.js'

/**
 * The id of the run of a request: random, or with an `Idempotency-Key` always the same for that key of that owner, so
 * that a retry joins its run and never pays twice.
 * @param attempt - The number of the run of the key, from 1: the next one is used when every submission of the
 * previous one was refused.
 * @throws HttpRefusal for a key that is empty or longer than 255 characters.
 */
export function runIdOf({ headers }: Pick<Incoming, 'headers'>, owner: string, attempt = 1): string {
  const key = headers.get('idempotency-key')
  if (key === null) return `video_${crypto.randomUUID().replaceAll('-', '')}`
  if (key.length < 1 || key.length > 255) {
    const message = `Could not use the Idempotency-Key: it has ${key.length} characters; give 1 to 255`
    throw new HttpRefusal({ status: 400, code: 'invalid_value', message, param: 'Idempotency-Key' })
  }
  const digest = createHash('sha256')
    .update(JSON.stringify(attempt === 1 ? [owner, key] : [owner, key, attempt]))
    .digest('hex')
  return `video_${digest.slice(0, 32)}`
}
