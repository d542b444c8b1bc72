import type { RequestProblems } from './request-problems.js'

/**
 * Reads one field: returns its value, or `undefined` if it is absent, `null` or wrong; problems are noted. Texts are
 * accepted for numbers and booleans too, because a form contains only texts.
 */
export type FieldReader<T> = (problems: RequestProblems, field: string, value: unknown) => T | undefined

/** Maximum characters (code points) of a prompt. */
const MAX_PROMPT = 32_000
const PROMPT_FIX = 'give a text of 1 to 32,000 characters'
const MAX_LINE = 1000
const MAX_ADDRESS = 16_384

/** A prompt, which is required. The CRLF of a form becomes a line feed again. */
export const readPromptField: FieldReader<string> = (problems, field, value) => {
  const fix = PROMPT_FIX
  if (typeof value !== 'string') return problems.add(field, value, fix)
  if (value.trim() === '') return problems.note({ field, value: value === '' ? 'empty' : 'blank', fix })
  // A text that is longer even in surrogate pairs need not be counted.
  const text = value.length > 4 * MAX_PROMPT ? value : value.replaceAll('\r\n', '\n')
  if (codePointsUpTo(text, MAX_PROMPT) <= MAX_PROMPT) return text
  // A prompt is private: its length is shown, not its text.
  return problems.note({ field, value: `a text of ${value.length} characters`, fix })
}

/** A name or id: one line of at most 1,000 characters. An empty one counts as absent. */
export const readLine: FieldReader<string> = (problems, field, value) => {
  if (isAbsent(value)) return undefined
  if (typeof value === 'string' && value.length <= MAX_LINE && !/\p{Cc}/u.test(value) && value.isWellFormed()) {
    return value
  }
  return problems.add(field, value, 'give one line of text')
}

/** Seconds above 0, such as `8` or `'8'`. */
export const readSeconds: FieldReader<number> = (problems, field, value) => {
  if (isAbsent(value)) return undefined
  const seconds = typeof value === 'string' && /^\d{1,9}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value
  if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0) return seconds
  return problems.add(field, value, "give seconds above 0, such as '8'")
}

/** A whole number from 0. */
export const readSeed: FieldReader<number> = (problems, field, value) => {
  if (isAbsent(value)) return undefined
  const seed = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  if (typeof seed === 'number' && Number.isSafeInteger(seed) && seed >= 0) return seed
  return problems.add(field, value, 'give a whole number from 0')
}

/** `{width}x{height}` in pixels. */
export const readSize: FieldReader<string> = (problems, field, value) => {
  if (isAbsent(value)) return undefined
  if (typeof value === 'string' && /^[1-9]\d{0,4}x[1-9]\d{0,4}$/.test(value)) return value
  return problems.add(field, value, "give '{width}x{height}' in pixels, such as '1280x720'")
}

/** `{width}:{height}`. */
export const readAspectRatio: FieldReader<string> = (problems, field, value) => {
  if (isAbsent(value)) return undefined
  if (typeof value === 'string' && /^[1-9]\d{0,3}:[1-9]\d{0,3}$/.test(value)) return value
  return problems.add(field, value, "give '{width}:{height}', such as '16:9'")
}

/** A boolean, also as the text `'true'` or `'false'`. */
export const readFlag: FieldReader<boolean> = (problems, field, value) => {
  if (isAbsent(value)) return undefined
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  return problems.add(field, value, 'give true or false')
}

/** An absolute http or https address without user name and password. */
export const readAddress: FieldReader<string> = (problems, field, value) => {
  if (isAbsent(value)) return undefined
  if (typeof value === 'string' && value.length <= 2048 && isAddress(value)) {
    const { username, password } = new URL(value)
    if (username === '' && password === '') return value
  }
  return problems.add(field, value, 'give an absolute http or https address without user name and password')
}

/**
 * Whether a text is an absolute http or https address of at most 16,384 characters. The text itself is checked,
 * because the platform's parser ignores line breaks.
 */
export function isAddress(value: string): boolean {
  if (value.length > MAX_ADDRESS) return false
  return /^https?:\/\/[^\s\p{Cc}]+$/iu.test(value) && value.isWellFormed() && URL.canParse(value)
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === ''
}

/** The number of code points of a text; above the limit, any number above it. */
function codePointsUpTo(text: string, limit: number): number {
  if (text.length <= limit || text.length > 2 * limit) return text.length
  return [...text].length
}
