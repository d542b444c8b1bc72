import type { Complaint } from './complaint.js'
import { isModerationVerdict } from './moderation-verdict.js'

/** What a complaint comes to; `other` for what is none of these. */
export type ComplaintKind =
  | 'moderation'
  | 'quota'
  | 'rate'
  | 'credential'
  | 'region'
  | 'overload'
  | 'timeout'
  | 'network'
  | 'other'

type Rule = readonly [ComplaintKind, RegExp]

// Sentences that only say one thing, whatever the status around them: whoever says so has taken nothing.
const PLAIN: readonly (readonly ['quota' | 'overload', RegExp])[] = [
  ['quota', /\bno available (\w+ )?(tokens|models|accounts)\b/i],
  ['overload', /\b(under|due to) heavy load\b|\bheavy_load\b/i],
]

const WORDS: readonly Rule[] = [
  ['credential', /token[_ -](invalidated|expired|revoked)|invalid[_ -]?(api[_ -]?key|token)|^unauthori[sz]ed$/i],
  [
    'quota',
    /insufficient[_ -]?(\w+[_ -])?(quota|balance|credits?|funds)|quota[_ -]?(exceeded|exhausted)|billing|out[_ -]of[_ -]credits?/i,
  ],
  ['rate', /rate[_ -]?limit|too[_ -]many[_ -]requests|^cf[_ -]shield/i],
  ['overload', /heavy[_ -]load|overloaded/i],
  ['region', /unsupported[_ -](country|region)|geo[_ -]?(block|restrict)/i],
]

// Only for a sentence that no status comes with.
const SENTENCES: readonly Rule[] = [
  ['credential', /\bunauthori[sz]ed\b|not authenticated|invalid (api key|token)|authentication token|token_(inv|exp)/i],
  ['quota', /\bquota\b|\bexhausted\b|insufficient (credits?|balance|funds)|out of credits?\b/i],
  ['rate', /rate.?limit|too many requests|\bcloudflare\b/i],
  ['overload', /\boverloaded\b/i],
  ['region', /unsupported[_ -](country|region)|\b(available|supported) in your (country|region)\b/i],
  ['timeout', /\btime[ -]?out\b|\btimed out\b|exceeded \d+ seconds/i],
  ['network', /^URL Error\b|\bcurl: \(\d+\)|\bconnection (was |has been )?(reset|refused|closed|aborted)\b/i],
]

const REGION = /\b(region|country|territory)\b/i
const MAY_BE_REGION: ReadonlySet<number> = new Set([403, 451])
const MAY_BE_VERDICT: ReadonlySet<number> = new Set([400, 403, 422, 451])
// What was asked for may have been taken all the same: no word proves the contrary.
const AMBIGUOUS: ReadonlySet<number> = new Set([408, 409])

/**
 * The kind of a complaint: by a verdict of moderation (400, 403, 422, 451, or a sentence without a status), by the sentences of
 * gateways that have no account left or are under heavy load, by words such as `token_invalidated` or `insufficient_quota` of a
 * 4xx, by the status, and without one by the sentence. A 403 that an upstream relays is its own trouble with a shield, so a
 * rate limit; a 403 page is nobody's credential.
 */
export function complaintKind(complaint: Complaint): ComplaintKind {
  const { status, words, message } = complaint
  if (status !== undefined && AMBIGUOUS.has(status)) return 'other'
  const plain = plainKind(message)
  if (plain !== undefined) return plain
  if ((status === undefined || MAY_BE_VERDICT.has(status)) && isModerationVerdict(words, message)) return 'moderation'
  const isRefusal = status === undefined || (status >= 400 && status < 500)
  return (
    (isRefusal ? ruleFor(WORDS, words) : undefined) ??
    (status === undefined ? ruleFor(SENTENCES, [message]) : kindOfStatus(status, complaint)) ??
    'other'
  )
}

/** The kind of a sentence that only ever says one thing, such as `No available tokens for video generation`. */
export function plainKind(message: string): 'quota' | 'overload' | undefined {
  return PLAIN.find(([, pattern]) => pattern.test(message))?.[0]
}

function kindOfStatus(status: number, { message, isPage, isRelayed }: Complaint): ComplaintKind | undefined {
  if (status === 401) return 'credential'
  if (status === 402) return 'quota'
  if (status === 429) return 'rate'
  if (status === 503 || status === 529) return 'overload'
  if (MAY_BE_REGION.has(status) && REGION.test(message)) return 'region'
  if (status !== 403) return undefined
  if (isRelayed && !/not authenticated/i.test(message)) return 'rate'
  return isPage ? undefined : 'credential'
}

function ruleFor(rules: readonly Rule[], texts: readonly string[]): ComplaintKind | undefined {
  return rules.find(([, pattern]) => texts.some((text) => pattern.test(text)))?.[0]
}
