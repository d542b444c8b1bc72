import type { Span } from './secret-finder.js'

// What servers replace the omitted part with.
const STARS = /[*•●∙·✱∗#█░▒▓]{2,}|\.{3,}|_{4,}|…+|[xX]{4,}|[<([](?:redacted|hidden|masked|\.{3})[>)\]]/gi
const WORD = /[\w+/~-]/
const LONGEST = 64
// Length of the visible start or end.
const SHORTEST = 3

/** Where a server shows the start or the end of a secret, with stars in place of the rest: `sk-ab****yz`. */
export function hiddenByStars(text: string, secrets: Iterable<string>): readonly Span[] {
  const masked = [...text.matchAll(STARS)].flatMap(({ 0: stars, index }) => {
    const [from, to] = [wordStart(text, index), wordEnd(text, index + stars.length)]
    const [head, tail] = [text.slice(from, index).toLowerCase(), text.slice(index + stars.length, to).toLowerCase()]
    return Math.max(head.length, tail.length) < SHORTEST ? [] : [{ from, to, head, tail }]
  })
  if (masked.length === 0) return []
  const heads = new Map<string, string[]>()
  const tails = new Map<string, string[]>()
  for (const secret of secrets) {
    const known = secret.toLowerCase()
    listUnder(heads, known.slice(0, SHORTEST), known)
    listUnder(tails, known.slice(-SHORTEST), known)
  }
  const isOf = (secret: string, part: string) => part.length >= SHORTEST && part.length < secret.length
  return masked.filter(
    ({ head, tail }) =>
      heads.get(head.slice(0, SHORTEST))?.some((secret) => isOf(secret, head) && secret.startsWith(head)) ||
      tails.get(tail.slice(-SHORTEST))?.some((secret) => isOf(secret, tail) && secret.endsWith(tail)),
  )
}

function listUnder(lists: Map<string, string[]>, name: string, entry: string): void {
  const list = lists.get(name)
  if (list === undefined) lists.set(name, [entry])
  else list.push(entry)
}

function wordStart(text: string, end: number): number {
  let start = end
  while (start > 0 && end - start < LONGEST && WORD.test(text[start - 1] ?? '')) start -= 1
  return start
}

function wordEnd(text: string, start: number): number {
  let end = start
  while (end < text.length && end - start < LONGEST && WORD.test(text[end] ?? '')) end += 1
  return end
}
