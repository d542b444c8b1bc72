import { looksRandom } from './looks-random.js'
import { HIDDEN, withoutKnownSecrets } from './secret-hider.js'

// Configured credentials are removed by value, in upstream/secret.ts. These are the shapes of credentials that this process does
// not know: those that an upstream leaks in its messages. They are searched for in plain form and in the escapes of JSON, HTML
// and URLs. A text may be cut off inside a credential, and a false match costs a word of a message. So the end of a match is
// open, and its start must be clear.

// A quotation mark, a blank, and a sign between a name and its value.
const QUOTE = String.raw`(?:\\*["'\x60]|&(?:quot|apos|#0?3[49]|#x2[27]);|%(?:25)*2[27])`
const BLANK = String.raw`(?:[\s+]|\\+[nrt]|%(?:25)*(?:20|0[AD]))`
const EQUALS = '(?:=>?|:|%(?:25)*3[AD])'
const SIGN = `${QUOTE}?(?:${BLANK}{0,5}${EQUALS}${BLANK}{0,5}|>|&gt;|%(?:25)*3E)`
// Text between quotation marks, to the end of the line if the second one is missing.
const QUOTED = String.raw`(?<quote>${QUOTE})(?<quoted>(?:(?!\k<quote>)(?:\\[^\r\n]|[^\\\r\n])){4,8192})`
const BARE = String.raw`(?<bare>[^\s"'\x60&;,<>\\]{4,8192})`

// Where a token starts: not in the middle of a word, unless an escape ends there.
const START = String.raw`(?:(?<![a-z\d])|(?<=\\[nrt])|(?<=%[\da-f]{2}))`
const TOKEN = String.raw`(?:[\w./+=~-]|\\/|%(?:25)*(?:2[BDEF]|3D|7E)){8,8192}`

// The first prefixes are in no word. The others may be, so the text after them must look random.
const MARKS = String.raw`gh[oprsu]_|github_pat_|glpat-|xox[a-z]-|xapp-|whsec_|wkt_|ya29\.|AIza|GOCSPX-|1(?:\/\/|%(?:25)*2F%(?:25)*2F)0|eyJ`
const WORDLIKE_MARKS = String.raw`sk[-_]|[pr]k_|hf_|key[-_]|r8_|gsk_|xai-|npm_|nvapi-|pplx-|pypi-|dop_v1_|tgp_v1_|shp[a-z]{2}_|SG\.`
const PASSWORDS = 'pass(?:word|wd|code|phrase)|pwd'
const NAMES =
  `${PASSWORDS}|key|token|secret|credentials?|signature|(?<![a-z])sig|jwt|session[-_]?id|` +
  String.raw`x-(?:amz|goog|ms)-[\w-]{1,40}`

const PRIVATE_KEY =
  /-----BEGIN(?:[A-Z\s+]|%20){0,40}PRIVATE(?:\s|\+|%20)KEY-----[\s\S]*?(?:-----END[A-Z\s%+\d]{0,40}-----|$)/g
const HEADER = new RegExp(String.raw`((?:authorization|cookie)${SIGN})(?:${QUOTED}|(?<bare>[^\r\n]{4,8192}))`, 'gi')
const USER = /(?<=[a-z\d]{2}(?::\/\/|%(?:25)*3A%(?:25)*2F%(?:25)*2F))[^\s/"'<>]{1,500}(?=@|%(?:25)*40)/gi
// The same at the end of a text that is cut off before the @; a number there is a port.
const BROKEN_USER = /(?<=[a-z\d]{2}:\/\/)[^\s/:@"'<>[]{1,200}:(?!\d{1,5}[)\]}.,;!?]*$)[^\s/@"'<>]{1,500}$/gi
const NAMED = new RegExp(`(?<before>[\\w?&-]?)(?<name>${NAMES})(?<sign>${SIGN})(?:${QUOTED}|${BARE})`, 'gi')
const SCHEMED = new RegExp(`${START}(?<scheme>(?:bearer|basic|token|key)${BLANK}{1,5})(?<token>${TOKEN})`, 'gi')
const MARKED = new RegExp(`${START}(?:${MARKS})${TOKEN}`, 'gi')
const MARKED_WORD = new RegExp(`${START}(?:${WORDLIKE_MARKS})(?<token>${TOKEN})`, 'gi')
// In capitals only, or with signs that words do not have.
const PLAIN = [/(?:A(?:KIA|SIA|BIA|CCA))[A-Z\d]{8,}/g, /(?:\$|%24)2[abxy](?:\$|%24)\d\d(?:\$|%24)(?:[./\w]|%2F){8,}/gi]

const ONLY_PASSWORDS = new RegExp(`^(?:${PASSWORDS})$`, 'i')
// A word about a credential, not a credential: the first word after `password:` or `"token":`.
const REMARK = new RegExp(
  `^(?:${[
    'an?|the|this|that|your|our|its?|and|or|but|if|for|from|in|of|on|to|with|please',
    'is|are|was|were|be|been|has|have|had|must|may|might|should|shall|can|cannot|could|will|would|do|does|did',
    'any|not|no|non|never|none|null|nil|undefined|nan|true|false|yes|empty|blank|only|same|other|another|all|both',
    'required?|requires|missing|needed|optional|mandatory|invalid|valid|incorrect|correct|wrong|bad|malformed|unknown',
    'expired?|expires|revoked|disabled|enabled|inactive|active|blocked|locked|suspended|deleted|unauthori[sz]ed|forbidden',
    'denied|rejected|refused|accepted|allowed|failed|failure|failing|error|mismatch(?:ed)?|matche?s?|differs?|changed',
    'provided?|given|found|set|unset|sent|received|expected|supported|unsupported|specified|supplied|configured|present|absent',
    'too|at|short|long|weak|strong|longer|shorter|least|most|more|less|small|large|characters?|letters?|digits?|length',
    'string|number|boolean|object|array|bytes?|text|type|value|field|header|param(?:eter)?|query|key|token|password|secret|credentials?|input|format|uuid|str|int',
    'check|enter|use|try|see|contact|reset|change|update|generate|create|get|make|ensure|verify|add|include|provide|sign|log',
    'verification|authentication|authorization|validation|access|permission|ok|okay|success|unchanged|redacted|hidden|masked',
  ].join('|')})(?![a-z\\d])[.!?]?$`,
  'i',
)

// A short word of small letters, such as the state of a job, has none of the shapes but the shortest token of MARKED.
const SHORT_WORD = /^(?!eyj)[a-z_]{0,11}$/

/** Removes credentials from a foreign text: those used in this process, and any text with the shape of one. */
export function redact(text: string): string {
  const known = withoutKnownSecrets(text)
  if (SHORT_WORD.test(known)) return known
  const clean = known
    .replace(PRIVATE_KEY, HIDDEN)
    .replace(HEADER, (...match) => `${match[1]}${groupsOf(match).quote ?? ''}${HIDDEN}`)
    .replace(USER, HIDDEN)
    .replace(BROKEN_USER, HIDDEN)
    .replace(NAMED, (...match) => {
      const { before = '', name = '', sign = '', quote = '', quoted, bare } = groupsOf(match)
      // Prose may also state that the token is: expired.
      const value = quoted ?? bare ?? ''
      const isField =
        !isRemark(value) &&
        (/[?&_-]|[a-z](?=[A-Z])/.test(before + name.slice(0, 1)) || ONLY_PASSWORDS.test(name) || isByChance(value))
      return isField ? `${before}${name}${sign}${quote}${HIDDEN}` : String(match[0])
    })
    .replace(SCHEMED, (...match) => {
      const { scheme = '', token = '' } = groupsOf(match)
      return isByChance(token) ? `${scheme}${HIDDEN}` : String(match[0])
    })
    .replace(MARKED, HIDDEN)
    .replace(MARKED_WORD, (...match) => (isByChance(groupsOf(match).token ?? '') ? HIDDEN : String(match[0])))
  return PLAIN.reduce((cleaner, pattern) => cleaner.replace(pattern, HIDDEN), clean)
}

/**
 * Also removes possible credentials, for values that may have been typed into the wrong field: any 16 letters and digits in a
 * row.
 */
export function redactLikely(text: string): string {
  return redact(text).replace(/[a-z\d+=]{16,}(?:\/[a-z\d+/=]*)?/gi, (run) => (/\d/.test(run) ? HIDDEN : run))
}

function groupsOf(match: readonly unknown[]): Readonly<Record<string, string | undefined>> {
  return match.at(-1) as Record<string, string | undefined>
}

// A quoted remark may be a sentence.
function isRemark(value: string): boolean {
  if (REMARK.test(value.replace(/[.!?)\]]+$/, ''))) return true
  const [first = '', ...more] = value.split(' ')
  return more.length > 0 && REMARK.test(first) && !more.some((word) => word.length > 3 && looksRandom(word))
}

/** Whether a value does not look like a word: it has a digit, a capital in its middle, or is very long. */
function isByChance(value: string): boolean {
  return value.length >= 16 || /\d|.[A-Z]/.test(value)
}
