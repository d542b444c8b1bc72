import { sentenceOf, wordsOf } from './error-meaning.js'
import { isRecord } from './is-record.js'
import { jsonOf } from './json-of.js'
import { plainNames } from './plain-names.js'
import type { Mask } from './secret.js'

/** The parts of the body of an answer outside 2xx, whatever its dialect. */
export interface ErrorDetails {
  /** The upstream's human-readable sentence; empty if missing. */
  readonly message: string
  /** The upstream's machine-readable words, such as `insufficient_quota`: `code`, `type` and similar fields. */
  readonly words: readonly string[]
  /** Whether the body is a page instead of an API response. */
  readonly isPage: boolean
}

const LONGEST_EXCERPT = 200
// Room for markup before the excerpt of a page, and for a secret that begins in the excerpt.
const LONGEST_HEAD = 20_000
const LONGEST_START = 4_000
const LONGEST_PLAIN = 2_000

/**
 * Reads OpenAI's `{ error: { message, code } }`, FastAPI's `{ detail }`, `{ message }`, `{ error: 'text' }` and
 * similar forms, JSON inside them, and pages.
 */
export function readErrorDetails(text: string): ErrorDetails {
  const isPage = /^\s*(<!doctype|<html|<\?xml|<head|<body)/i.test(text)
  // Gemini puts its error into a list.
  const [body] = [plainNames(jsonOf(text))].flat()
  if (!isRecord(body)) return { message: isPage ? '' : text.trim(), words: [], isPage }
  const message = [body.error, body.detail, body].map((part) => sentenceOf(part)).find((sentence) => sentence !== '')
  return { message: message ?? '', words: wordsOf(body), isPage }
}

// Python's `<urlopen error [Errno 111] Connection refused>` is a sentence, not a tag.
const TAG = /<[!?/][^<>]*>|<[a-z][\w:-]*\s*\/?>|<[a-z][\w:-]*\s[^<>=]*=[^<>]*>/gi

/** At most 200 characters of a body: without tags, runs of blanks and secrets. */
export function excerptOf(text: string, mask: Mask): string {
  // Only the start can end up in the excerpt, so the rest is not cleaned. Secrets are removed first, because a tag
  // may be part of one or the only sign of one, and again last, because there may be tags inside one.
  const plain = mask(text.slice(0, text.includes('<') ? LONGEST_HEAD : LONGEST_START))
    .replace(/<(style|script)\b[^>]*>[^<]*/gi, ' ')
    .replace(TAG, ' ')
    .replace(/[\s\p{Cc}]+/gu, ' ')
  return mask(plain.trim().slice(0, LONGEST_PLAIN)).slice(0, LONGEST_EXCERPT).toWellFormed()
}
