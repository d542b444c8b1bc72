import { sentenceOf, wordsOf } from './error-meaning.js'
import { isRecord } from './is-record.js'
import { jsonOf } from './json-of.js'
import { plainNames } from './plain-names.js'
import type { Mask } from './secret.js'

/** What can be read from the body of an answer that is no success, whatever dialect it speaks. */
export interface ErrorDetails {
  /** The upstream's sentence for people; empty when it gave none. */
  readonly message: string
  /** The upstream's own words, such as `insufficient_quota`: `code`, `type` and their like. */
  readonly words: readonly string[]
  /** Whether the body is a page rather than an answer of an API. */
  readonly isPage: boolean
}

const LONGEST_EXCERPT = 200
// What may come before the excerpt in a page, and without tags; and what a mask needs of a secret that begins in the excerpt.
const LONGEST_HEAD = 20_000
const LONGEST_START = 4_000
const LONGEST_PLAIN = 2_000

/**
 * Reads OpenAI's `{ error: { message, code } }`, FastAPI's `{ detail }`, `{ message }`, `{ error: 'text' }` and their like, JSON inside
 * of them included, and pages.
 */
export function readErrorDetails(text: string): ErrorDetails {
  const isPage = /^\s*(<!doctype|<html|<\?xml|<head|<body)/i.test(text)
  // Gemini puts its error into a list.
  const [body] = [plainNames(jsonOf(text))].flat()
  if (!isRecord(body)) return { message: isPage ? '' : text.trim(), words: [], isPage }
  const message = [body.error, body.detail, body].map((part) => sentenceOf(part)).find((sentence) => sentence !== '')
  return { message: message ?? '', words: wordsOf(body), isPage }
}

// `<urlopen error [Errno 111] Connection refused>` of Python is a sentence.
const TAG = /<[!?/][^<>]*>|<[a-z][\w:-]*\s*\/?>|<[a-z][\w:-]*\s[^<>=]*=[^<>]*>/gi

/** At most 200 characters of a body: without tags, runs of blanks and secrets. */
export function excerptOf(text: string, mask: Mask): string {
  // Only the start can end up in the excerpt; what lies far behind it need not be cleaned. Secrets go first, because a tag may
  // be all that gives one away, or be a part of it, and last, because there may be tags in the middle of one.
  const plain = mask(text.slice(0, text.includes('<') ? LONGEST_HEAD : LONGEST_START))
    .replace(/<(style|script)\b[^>]*>[^<]*/gi, ' ')
    .replace(TAG, ' ')
    .replace(/[\s\p{Cc}]+/gu, ' ')
  return mask(plain.trim().slice(0, LONGEST_PLAIN)).slice(0, LONGEST_EXCERPT).toWellFormed()
}
