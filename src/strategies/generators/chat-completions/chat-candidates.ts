import { jsonOf } from '../../../upstream/json-of.js'
import {
  fileEvidence,
  inlineOutput,
  inputAddresses,
  type VideoOutput,
  videoOutputs,
} from '../../../upstream/video-output.js'
import { labelRole } from './chat-label.js'

/** The settings of a search. */
export interface UrlSearch {
  /** The base of relative addresses. */
  readonly base: string
  /** Whether an address can be the result. */
  accepts(url: string): boolean
}

/** A part of a chat message that may be the video. */
export interface ChatCandidate {
  readonly output: VideoOutput
  /**
   * The strength of its evidence: {@link LAST_RESORT} for a preview, 0 or less for a bare link, which has to be opened
   * before it counts.
   */
  readonly evidence: number
  /** The address as it was written. */
  readonly written: string
}

type Found = ChatCandidate & { readonly at: number }

const TAG_EVIDENCE = 4
/** The evidence of an address that names a video file. */
export const FILE_EVIDENCE = 3
const LABEL_EVIDENCE = 2
/** The evidence of a preview, a lesson or an example: it counts only if nothing else does. */
export const LAST_RESORT = 1
const LONGEST_URL = 8_192
const TAG = /<(video|source|a|img|iframe)\b/gi
const ADDRESS = /\b(?:src|href)\s*=\s*(?:\\?["']|&quot;)?([^\s"'<>\\]+?)(?=\\?["']|&quot;|[\s<>]|$)/i
// ASCII, and letters of any script, which are often written without escapes; punctuation of any script ends an
// address.
const BARE = /https?:\/\/[\w!#$%&()*+,./:;=?@[\]~\p{L}\p{M}\p{N}-]*/giu
// No bracket either, so that each link ends before the next one.
const LINK = /\]\(([^\s"'<>`\\^{|}\])]*(?:\([^\s"'<>`\\^{|}\])]*\)[^\s"'<>`\\^{|}\])]*)*)/g
const INLINE = /data:[\w.+/-]{0,100}(?:;[\w.+-]{1,40}=[^;,\s]{0,100}){0,4};base64,[A-Za-z0-9+/_-]+={0,2}/gi
const SAYS_VIDEO = /video|movie|clip|mp4|download|watch|result|视频|影片|下载|下載|观看|動画/i
// A file followed by text without a blank, in a script without blanks.
const FILE_THEN_TEXT = /^[^?#]*?\.(?:mp4|mov|webm|m4v|mkv|avi)(?=[^\p{ASCII}])/iu
// Pages of jobs, sites and rules, which are not files.
const PAGE =
  /\/(?:tasks?|status|docs?|help|rules|terms|polic\w*|faq|support|pricing|blog|console|dashboard|login|account)(?:\/|$)/i
const OF_PAGE =
  /tutorial|how.to\b|polic(?:y|ies)|guideline|\bterms\b|\brules\b|\bhelp\b|support|\bdoc(?:s|umentation)\b|\bfaq\b|\btips\b|learn more|pricing|sign.?in|log.?in|status page|dashboard|政策|规则|帮助|教程|文档|条款/i
const OF_PAGE_HOST = /^(?:support|help|docs?|polic(?:y|ies)|legal|faq|status|blog|learn|developers?)\./i
const BEFORE = 60
const LONGEST_LABEL = 200
// Two addresses without a blank between them: a picture that is a link, and a list.
const NEXT = /\]\(|[,|;](?=https?:\/\/)/

/**
 * The parts of a chat message that may be the video, the strongest evidence first: JSON, the `src` of a `<video>`,
 * data URLs, addresses with the extension of a video, links labelled as a video, previews, bare links; among equals
 * the later one. What is labelled as an input is left out. The time is proportional to the length of the text, whatever its content.
 */
export function chatCandidates(text: string, search: UrlSearch): readonly ChatCandidate[] {
  const json = jsonIn(text)
  const inputs = new Set(json === undefined ? [] : inputAddresses(json.body, search.base))
  const inText = [...inline(text), ...inTags(text, search), ...inLinks(text, search), ...bare(text)]
  const found = [
    ...(json === undefined ? [] : inJson(json, text, search)),
    ...inText.flatMap((each) => labelled(each, text)),
  ]
  const usable = found.filter(
    ({ output }) => output.kind === 'bytes' || (isUsable(output.url, search) && !inputs.has(output.url)),
  )
  const sorted = usable.toSorted((one, other) => other.evidence - one.evidence || other.at - one.at)
  const known = new Set<string>()
  return sorted.filter(({ output }) => {
    const name = output.kind === 'url' ? output.url : output.base64
    return !known.has(name) && known.add(name) !== undefined
  })
}

/** Every bare address in a text, in order. */
export function* bareUrls(text: string): Iterable<string> {
  for (const { url } of bareMatches(text)) yield url
}

function* bareMatches(text: string): Iterable<{ readonly url: string; readonly at: number }> {
  for (const { 0: match, index } of text.matchAll(BARE)) {
    let at = index
    for (const part of match.split(NEXT)) {
      if (/^https?:\/\//i.test(part)) yield { url: trimmed(part), at }
      at += part.length + 1
    }
  }
}

function jsonIn(text: string): { readonly body: unknown } | undefined {
  const start = /[{[]/.exec(text)?.index
  if (start === undefined) return undefined
  const end = Math.max(text.lastIndexOf('}'), text.lastIndexOf(']')) + 1
  const body = jsonOf(text.slice(start, end))
  return { body: Array.isArray(body) ? { data: body } : body }
}

function* inJson({ body }: { readonly body: unknown }, text: string, { base }: UrlSearch): Iterable<Found> {
  // In the order of trust, which does not depend on the place in the text.
  for (const [index, output] of videoOutputs(body, base).entries()) {
    if (output.kind === 'url' && output.needsKey) continue
    const evidence = output.isLastResort ? LAST_RESORT : TAG_EVIDENCE
    yield { output, evidence, at: text.length - index, written: output.kind === 'url' ? output.url : '' }
  }
}

function labelled(found: Found, text: string): readonly Found[] {
  if (found.output.kind === 'bytes') return [found]
  const role = labelRole(text, found.at, found.written)
  if (role === 'input') return []
  if (role === undefined) return [found]
  return [{ ...found, evidence: found.evidence > 0 ? LAST_RESORT : LAST_RESORT - 2 }]
}

function* inline(text: string): Iterable<Found> {
  if (!text.includes(';base64,')) return
  for (const { 0: written, index } of text.matchAll(INLINE)) {
    const output = inlineOutput(written)
    if (output) yield { output, evidence: TAG_EVIDENCE, at: index, written }
  }
}

function* inTags(text: string, search: UrlSearch): Iterable<Found> {
  for (const { 1: name = '', index } of text.matchAll(TAG)) {
    const next = text.indexOf('<', index + 1)
    const until = next < 0 ? index + LONGEST_URL : next
    const [tag = '', label = ''] = text.slice(index, until).split('>', 2)
    const written = ADDRESS.exec(tag)?.[1]
    if (written === undefined) continue
    const isVideo = /^(?:video|source)$/i.test(name)
    yield* addressed(written, search, { at: index, label: isVideo ? 'video' : label, isTag: isVideo })
  }
}

function* inLinks(text: string, search: UrlSearch): Iterable<Found> {
  for (const { 1: written = '', index } of text.matchAll(LINK)) {
    const label =
      text
        .slice(Math.max(0, index - LONGEST_LABEL), index)
        .split(/[[\n]/)
        .at(-1) ?? ''
    yield* addressed(trimmed(written), search, { at: index, label, isTag: false })
  }
}

function* bare(text: string): Iterable<Found> {
  for (const { url: whole, at: index } of bareMatches(text)) {
    const written = FILE_THEN_TEXT.exec(whole)?.[0] ?? whole
    const line =
      text
        .slice(Math.max(0, index - BEFORE), index)
        .split('\n')
        .at(-1) ?? ''
    yield* addressed(written, { base: written, accepts: () => true }, { at: index, label: line, isTag: false })
  }
}

function* addressed(
  written: string,
  { base }: UrlSearch,
  { at, label, isTag }: { readonly at: number; readonly label: string; readonly isTag: boolean },
): Iterable<Found> {
  const plain = written.replaceAll('&amp;', '&')
  if (!/^(?:https?:\/\/|\/)/i.test(plain) || !URL.canParse(plain, base)) return
  const url = new URL(plain, base)
  const ofFile = fileEvidence(url)
  if (ofFile === 0) return
  const isPage = PAGE.test(url.pathname) || OF_PAGE_HOST.test(url.hostname) || OF_PAGE.test(label)
  const isSaid = SAYS_VIDEO.test(label) && !isPage && !/[^\p{ASCII}]/u.test(plain)
  const evidence = isTag ? TAG_EVIDENCE : ofFile === 3 ? FILE_EVIDENCE : isSaid ? LABEL_EVIDENCE : 0
  yield { output: { kind: 'url', url: url.href, needsKey: false }, evidence, at, written }
}

function isUsable(url: string, { accepts }: UrlSearch): boolean {
  return url.length <= LONGEST_URL && accepts(url)
}

// Without the punctuation of the sentence around it: an unmatched closing bracket ends the address.
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
