import { randomUUID } from 'node:crypto'
import { type OptionProblem, type OptionRule, optionProblem } from '../../contracts/check-options.js'
import { describeValue } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { nearestName } from '../../contracts/nearest-name.js'
import { ruleOf } from '../../contracts/option-rules.js'
import type { StageContext } from '../../contracts/stage.js'
import { extensionOf } from '../../upstream/media-type.js'

/** The key of an upload when no other template is configured. */
export const DEFAULT_KEY = '{runId}.{extension}'

const PLACEHOLDERS = ['runId', 'date', 'id', 'extension']
const PLACEHOLDER = /\{([^{}]*)\}/g
// The limit of S3, which the others do not fall below.
const LONGEST_BYTES = 1_024

/** A template such as `videos/{date}/{runId}.{extension}`. */
export const keyTemplate: OptionRule = ruleOf(templateProblem)

/**
 * Fills the template of a key. `{runId}` is the id of the run, with `_` in place of slashes; `{date}` the day in UTC, such as
 * `2026-11-23`; `{id}` a random UUID of this upload; `{extension}` that of the media type, such as `mp4`.
 *
 * @throws InvalidRequestError when the id of the run makes a key that no store takes.
 */
export function storageKey(
  template: string,
  context: Pick<StageContext, 'runId' | 'clock'>,
  mediaType: string,
): string {
  const values: Readonly<Record<string, () => string>> = {
    runId: () => context.runId.toWellFormed().replace(/[/\\\p{Cc}]/gu, '_'),
    date: () => new Date(context.clock.now()).toISOString().slice(0, 10),
    id: randomUUID,
    extension: () => extensionOf(mediaType).slice(1),
  }
  const key = template.replace(PLACEHOLDER, (placeholder, name: string) => values[name]?.() ?? placeholder)
  const flaw = flawOf(key)
  if (flaw === undefined) return key
  throw new InvalidRequestError([{ field: 'key', value: describeValue(key), fix: flaw }])
}

/** A key as the path of an address: each segment is percent-encoded but for the unreserved characters of RFC 3986. */
export function encodedKey(key: string): string {
  const encoded = (segment: string) =>
    encodeURIComponent(segment).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
  return key.split('/').map(encoded).join('/')
}

/**
 * The error of a key under which there is something else.
 * @param way - How to overwrite it.
 */
export function keyTaken(key: string, way = "set onExisting to 'overwrite'", cause?: unknown): InvalidRequestError {
  const problem = { field: 'key', value: `${describeValue(key)}, which is taken`, fix: `put {id} into it, or ${way}` }
  return new InvalidRequestError([problem], cause === undefined ? {} : { cause })
}

function templateProblem(field: string, value: unknown): OptionProblem {
  if (typeof value !== 'string') return optionProblem(field, value, `give a text, such as '${DEFAULT_KEY}'`)
  const unknown = [...value.matchAll(PLACEHOLDER)].map(([, name = '']) => name).find((name) => !isPlaceholder(name))
  if (unknown !== undefined) {
    const nearest = nearestName(unknown, PLACEHOLDERS)
    const known = PLACEHOLDERS.map((name) => `{${name}}`).join(', ')
    const fix = nearest === undefined ? `use ${known}` : `did you mean {${nearest}}?`
    return { field, value: `a text with {${unknown}}`, fix }
  }
  const filled = value.replace(PLACEHOLDER, 'x')
  if (/[{}]/.test(filled)) return optionProblem(field, value, "close each placeholder, such as '{runId}'")
  const flaw = flawOf(filled)
  return flaw === undefined ? undefined : optionProblem(field, value, flaw)
}

function isPlaceholder(name: string): boolean {
  return PLACEHOLDERS.includes(name)
}

// What a store would take for another key, or not take, and what an address would lose.
function flawOf(key: string): string | undefined {
  if (key.trim() === '') return `give a text, such as '${DEFAULT_KEY}'`
  if (key.startsWith('/')) return 'leave the slash at its start out'
  const segments = key.split('/')
  if (segments.includes('')) return 'leave empty parts between slashes and the slash at its end out'
  if (segments.some((segment) => segment === '.' || segment === '..')) return 'leave parts of dots alone out'
  if (/[\\\p{Cc}]/u.test(key) || !key.isWellFormed()) return 'leave backslashes and control characters out'
  return Buffer.byteLength(key) > LONGEST_BYTES ? `give at most ${LONGEST_BYTES} bytes` : undefined
}
