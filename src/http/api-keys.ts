import { hash, timingSafeEqual } from 'node:crypto'
import { type OptionProblem, optionProblem } from '../contracts/check-options.js'
import { describeValue } from '../contracts/errors.js'
import { keyProblemOf } from '../upstream/secret.js'

/** A key that callers may send, and the owner of the videos that are made with it. */
export type ApiKey = string | { readonly key: string; readonly owner: string }

/** The rule for owners, for messages. */
export const OWNER_RULE = '1 to 255 characters without control characters'

/** Whether a value can be stored as the owner of a run: stores and headers contain it unchanged. */
export function isOwner(value: unknown): value is string {
  return typeof value === 'string' && /^\P{Cc}{1,255}$/su.test(value) && value.length <= 255 && value.isWellFormed()
}

/** Returns the owner of a received key; `undefined` for an unknown key. */
export type KeyRing = (shown: string) => string | undefined

/**
 * Creates a key ring. A received key is compared with all keys in constant time. A key without an owner gets one from
 * a shortened hash, from which the key cannot be derived.
 */
export function keyRing(keys: readonly ApiKey[]): KeyRing {
  const known = keys.map((entry) => {
    return typeof entry === 'string' ? { key: entry, owner: ownerOf(entry) } : entry
  })
  // With room for one more character of any kind: a longer text, which is cut, equals none of them.
  const byteLength = 4 + Math.max(...known.map(({ key }) => key.length))
  const ring = known.map(({ key, owner }) => ({ bytes: padded(key, byteLength), owner }))
  return (shown) => {
    const bytes = padded(shown, byteLength)
    // No early exit, so that the time reveals nothing.
    return ring.reduce<string | undefined>((found, { bytes: own, owner }) => {
      const isSame = timingSafeEqual(own, bytes)
      return isSame ? owner : found
    }, undefined)
  }
}

/** A value that may be a key, as messages show it: a text without its content. */
export function describeUnseen(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? `a ${typeof value}` : describeValue(value)
}

/** The problems with the option `apiKeys`; key values are never shown. */
export function apiKeyProblems(keys: unknown): readonly OptionProblem[] {
  if (!Array.isArray(keys)) {
    return [{ field: 'apiKeys', value: describeUnseen(keys), fix: 'give a list of keys' }]
  }
  if (keys.length === 0)
    return [optionProblem('apiKeys', keys, 'give a key, or public: true instead for an open server')]
  return keys.flatMap((entry: unknown, index) => {
    const isBare = typeof entry !== 'object' || entry === null
    const { key, owner } = isBare ? { key: entry, owner: 'x' } : (entry as Partial<Record<string, unknown>>)
    return [
      keyProblem(`apiKeys[${index}]${isBare ? '' : '.key'}`, key),
      isOwner(owner) ? undefined : optionProblem(`apiKeys[${index}].owner`, owner, `give ${OWNER_RULE}`),
    ]
  })
}

function keyProblem(field: string, key: unknown): OptionProblem {
  const isMissing = key === undefined || key === null || key === ''
  if (isMissing) {
    const value = key === '' ? 'empty' : describeValue(key)
    return { field, value, fix: 'give a key; an environment variable may not be set' }
  }
  const isClean = typeof key === 'string' && /^[\x21-\x7e]+$/.test(key)
  const fix = keyProblemOf(key) ?? (isClean ? undefined : 'give a key of printable ASCII without blanks')
  return fix === undefined ? undefined : { field, value: 'unusable', fix }
}

function padded(text: string, byteLength: number): Buffer {
  const bytes = Buffer.alloc(byteLength)
  bytes.write(text)
  return bytes
}

function ownerOf(key: string): string {
  return `key_${hash('sha256', `owner of ${key}`).slice(0, 24)}`
}
