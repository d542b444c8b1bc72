import { jsonOf } from './json-of.js'
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

/**
 * Reads OpenAI's `{ error: { message, code } }`, FastAPI's `{ detail }`, `{ message }` and `{ error: 'text' }`, and pages.
 */
export function readErrorDetails(text: string): ErrorDetails {
  const isPage = /^\s*(<!doctype|<html|<\?xml|<head|<body)/i.test(text)
  const body = jsonOf(text)
  if (!isRecord(body)) return { message: isPage ? '' : text.trim(), words: [], isPage }
  const layers = [body.error, isRecord(body.detail) ? body.detail : undefined, body].filter(isRecord)
  const words = layers.flatMap((layer) => ['code', 'type', 'reason', 'status'].flatMap((key) => wordOf(layer[key])))
  const candidates = [body.error, body.detail, body.message, body.msg, body.error_message]
  return { message: candidates.map(sentenceOf).find((sentence) => sentence !== '') ?? '', words, isPage }
}

/** At most 200 characters of a body: without tags, runs of blanks and secrets. */
export function excerptOf(text: string, mask: Mask): string {
  // Only the start can end up in the excerpt; what lies far behind it need not be cleaned. Secrets go first, because a tag may
  // be all that gives one away, or be a part of it, and last, because there may be tags in the middle of one.
  const plain = mask(text.slice(0, 20_000))
    .replace(/<(style|script)\b[^>]*>[^<]*/gi, ' ')
    .replace(/<[^<>]*>/g, ' ')
    .replace(/[\s\p{Cc}]+/gu, ' ')
  return mask(plain.trim()).slice(0, LONGEST_EXCERPT).toWellFormed()
}

/** Whether a value is a JSON object. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wordOf(value: unknown): string[] {
  return typeof value === 'string' || typeof value === 'number' ? [String(value)] : []
}

function sentenceOf(value: unknown): string {
  if (typeof value === 'string') return value.trim()
  if (isRecord(value)) return sentenceOf(value.message ?? value.msg ?? value.detail ?? value.error)
  if (!Array.isArray(value)) return ''
  return value.map(problemOf).filter(Boolean).join('; ')
}

// An entry of FastAPI's list: { loc: ['body', 'prompt'], msg: 'Field required' }.
function problemOf(entry: unknown): string {
  const place = isRecord(entry) && Array.isArray(entry.loc) ? entry.loc.join('.') : ''
  return [place, sentenceOf(entry)].filter(Boolean).join(': ')
}
