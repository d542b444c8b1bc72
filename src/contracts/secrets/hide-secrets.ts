import type { DecodedText } from './decoded-text.js'
import { encodedBytes } from './encoded-bytes.js'
import { hiddenByStars } from './masked-secrets.js'
import type { SecretFinder, Span } from './secret-finder.js'
import { HIDDEN } from './secret-hider.js'
import { fromQuotedPrintable, unescaped, withoutTags } from './unescaped.js'

// Such as base64 in hex.
const MOST_DEPTH = 4
// Limit of the decoded text, in lengths of the original; and its minimum.
const MOST_TIMES = 12
const LEAST_ROOM = 65_536

/** Removes the secrets of finders from a text, in every form that {@link secretSpans} knows, and in masked form with stars. */
export function hideSecrets(text: string, finders: readonly SecretFinder[], secrets: Iterable<string> = []): string {
  return withoutSpans(text, [...secretSpans(text, finders), ...hiddenByStars(text, secrets)])
}

/**
 * Where a text holds secrets: plain, in either case, in the escapes of URLs, HTML, JSON and programs, in quoted-printable, with
 * tags, line ends or signs between their letters, and in base64, hex or lists of numbers of any of these, also truncated.
 */
export function secretSpans(text: string, finders: readonly SecretFinder[], isWhole = false): readonly Span[] {
  const used = finders.filter((finder) => !finder.isEmpty)
  if (used.length === 0 || text === '') return []
  const spans: Span[] = []
  let room = Math.max(LEAST_ROOM, text.length * MOST_TIMES)
  const search = (encoded: DecodedText, depth: number) => {
    const forms = formsOf(encoded)
    for (const form of forms) {
      if (form.text.length > room) continue
      room -= form.text.length
      for (const finder of used) spans.push(...finder.spansIn(form, isWhole))
    }
    if (depth === MOST_DEPTH) return
    // An escape may be in the middle of the encoded bytes without being part of them. And what looks like an escape or a tag may
    // hold them, as an attribute does.
    for (const bytes of encodedBytes(forms)) search(bytes, depth + 1)
  }
  search({ text }, 0)
  return spans
}

function formsOf(text: DecodedText): readonly DecodedText[] {
  const plain = unescaped(text)
  return [...new Set([text, plain, withoutTags(plain), fromQuotedPrintable(plain)])]
}

function withoutSpans(text: string, spans: readonly Span[]): string {
  if (spans.length === 0) return text
  const parts: string[] = []
  let at = 0
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from || b.to - a.to)) {
    if (to <= at) continue
    // A span that starts in the previous one extends it.
    if (from >= at) parts.push(text.slice(at, from), HIDDEN)
    at = to
  }
  return [...parts, text.slice(at)].join('')
}
