import { videoOutputs } from '../../upstream/video-output.js'

/** What a text is searched with. */
export interface UrlSearch {
  /** What relative addresses in JSON begin at. */
  readonly base: string
  /** Whether an address can be the result. */
  accepts(url: string): boolean
}

const LONGEST_URL = 8_192
const TAG = /<(?:video|source)\b/gi
const SOURCE = /\bsrc\s*=\s*["']?(https?:\/\/[^\s"'>]+)/i
// An address is ASCII: what follows it without a blank, in another script, is not part of it.
const BARE = /https?:\/\/[^\s"'<>`\\^{|}\u007f-\uffff]*/gi
// No bracket either, so that each link ends at the next one at the latest.
const LINK = /\]\((https?:\/\/[^\s"'<>`\\^{|}\]\u007f-\uffff]*)/gi

/**
 * The address of the video in what a chat upstream wrote, from the most telling place on: JSON (`url`, `data[0].url` and their
 * like), the `src` of a `<video>`, a Markdown image or link, the first bare address without the punctuation after it. Takes
 * time in proportion to the length of the text, whatever it holds.
 */
export function videoUrlIn(text: string, search: UrlSearch): string | undefined {
  return (
    firstOf(jsonUrls(text, search.base), search) ??
    firstOf(tagUrls(text), search) ??
    firstOf(markdownUrls(text), search) ??
    firstOf(bareUrls(text), search)
  )
}

/** Every bare address in a text, in order. */
export function* bareUrls(text: string): Iterable<string> {
  for (const [url] of text.matchAll(BARE)) yield trimmed(url)
}

function* jsonUrls(text: string, base: string): Iterable<string> {
  const start = /[{[]/.exec(text)?.index
  if (start === undefined) return
  const end = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']')) + 1
  const body = parse(text.slice(start, end))
  for (const output of videoOutputs(Array.isArray(body) ? { data: body } : body, base)) {
    if (output.kind === 'url' && !output.needsKey) yield output.url
  }
}

function* tagUrls(text: string): Iterable<string> {
  for (const { index } of text.matchAll(TAG)) {
    const next = text.indexOf('<', index + 1)
    const tag = text.slice(index, next < 0 ? index + LONGEST_URL : next).split('>', 1)[0] ?? ''
    const url = SOURCE.exec(tag)?.[1]
    if (url !== undefined) yield url.replaceAll('&amp;', '&')
  }
}

function* markdownUrls(text: string): Iterable<string> {
  for (const [, url = ''] of text.matchAll(LINK)) yield trimmed(url)
}

function firstOf(candidates: Iterable<string>, { accepts }: UrlSearch): string | undefined {
  for (const url of candidates) {
    if (url.length <= LONGEST_URL && URL.canParse(url) && accepts(url)) return url
  }
  return undefined
}

// Without the punctuation of the sentence around it: from a closing bracket on that the address did not open.
function trimmed(url: string): string {
  let end = url.length
  let open = 0
  for (let at = 0; at < end; at += 1) {
    if (url[at] === '(') open += 1
    if (url[at] === ')') open -= 1
    if (open < 0) end = at
  }
  while (end > 0 && '.,;:!?*]'.includes(url[end - 1] ?? ' ')) end -= 1
  return url.slice(0, end)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // Braces of prose or of a style, which hold no JSON.
  }
}
