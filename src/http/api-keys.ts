import { createHash, timingSafeEqual } from 'node:crypto'
import { type OptionProblem, optionProblem } from '../contracts/check-options.js'

/** A key that a caller may show, and who owns what is made with it. */
export type ApiKey = string | { readonly key: string; readonly owner: string }

/** What an owner has to be, for messages. */
export const OWNER_RULE = '1 to 255 characters without control characters'

/** Whether a value can be kept with a run as its owner: stores and headers hold it as it is. */
export function isOwner(value: unknown): value is string {
  return typeof value === 'string' && /^\P{Cc}{1,255}$/su.test(value) && value.length <= 255 && value.isWellFormed()
}

/** The owner that a shown key belongs to; `undefined` for a key that is not known. */
export type KeyRing = (shown: string) => string | undefined

/**
 * Makes a key ring. A shown key is compared with all of them in the same time, whatever it is. The owner of a key that has none is
 * made of its hash, shortened, so that the key cannot be had from it.
 */
export function keyRing(keys: readonly ApiKey[]): KeyRing {
  const known = keys.map((entry) => {
    const { key, owner } = typeof entry === 'string' ? { key: entry, owner: ownerOf(entry) } : entry
    return { digest: digestOf(key), owner }
  })
  return (shown) => {
    const digest = digestOf(shown)
    // Without an early exit: how long it takes says nothing.
    return known.reduce<string | undefined>((found, { digest: own, owner }) => {
      const isSame = timingSafeEqual(own, digest)
      return isSame ? owner : found
    }, undefined)
  }
}

/** What is wrong with keys; their values are never shown. */
export function apiKeyProblems(keys: unknown): readonly OptionProblem[] {
  if (!Array.isArray(keys)) return [optionProblem('apiKeys', keys, 'give a list of keys')]
  if (keys.length === 0)
    return [optionProblem('apiKeys', keys, 'give a key, or public: true in its place for an open server')]
  return keys.flatMap((entry: unknown, index) => {
    const { key, owner } =
      typeof entry === 'string' ? { key: entry, owner: 'x' } : (Object(entry) as Partial<Record<string, unknown>>)
    const fix = 'give a key of printable ASCII without blanks'
    return [
      typeof key === 'string' && /^[\x21-\x7e]+$/.test(key)
        ? undefined
        : { field: `apiKeys[${index}]`, value: 'unusable', fix },
      isOwner(owner) ? undefined : optionProblem(`apiKeys[${index}].owner`, owner, `give ${OWNER_RULE}`),
    ]
  })
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function ownerOf(key: string): string {
  return `key_${createHash('sha256').update(`owner of ${key}`).digest('hex').slice(0, 24)}`
}
