import { describeValue } from '../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../contracts/input-errors.js'
import { createSha256 } from '../contracts/sha256.js'
import type { SlotTerms } from '../contracts/shared-slots.js'
import type { StoredNote } from '../contracts/stored-note.js'
import type { SlotQuery } from './store-operations.js'

/**
 * Refuses a heartbeat with an invalid duration.
 * @throws InvalidRequestError naming `ttlMs`.
 */
export function checkTtl(ttlMs: number): void {
  if (typeof ttlMs === 'number' && Number.isFinite(ttlMs) && ttlMs > 0) return
  refuse({ field: 'ttlMs', value: describeValue(ttlMs), fix: 'give milliseconds above 0' })
}

/**
 * Refuses a note with an invalid time.
 * @throws InvalidRequestError naming `dueInMs` or `expiresInMs`.
 */
export function checkNote({ dueInMs, expiresInMs }: StoredNote): void {
  for (const [field, value] of Object.entries({ dueInMs, expiresInMs })) {
    if (typeof value === 'number' && Number.isFinite(value) && value >= 0) continue
    refuse({ field, value: describeValue(value), fix: 'give milliseconds from 0' })
  }
}

/**
 * Refuses bytes whose SHA-256 is not the announced one.
 * @throws InvalidRequestError naming `sha256`.
 */
export function checkMedia(sha256: string, bytes: Uint8Array): void {
  checkDigest(sha256, createSha256().update(bytes).digest('hex'))
}

/**
 * Refuses bytes whose computed digest is not the announced one.
 * @throws InvalidRequestError naming `sha256`.
 */
export function checkDigest(sha256: string, actual: string): void {
  if (sha256 === actual) return
  refuse({ field: 'sha256', value: describeValue(sha256), fix: `give the SHA-256 of the bytes, ${actual}` })
}

/**
 * The terms of a place in whole numbers.
 * @throws InvalidRequestError naming `ttlMs`.
 */
export function slotQueryOf({ most, ttlMs, rate }: SlotTerms): SlotQuery {
  checkTtl(ttlMs)
  const { jobs = Number.POSITIVE_INFINITY, perMs = 0 } = rate ?? {}
  const whole = (value: number) => Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER)
  return { most: whole(most), ttlMs: whole(ttlMs), jobs: whole(jobs), perMs: whole(perMs) }
}

function refuse(problem: InputProblem): never {
  throw new InvalidRequestError([problem])
}
