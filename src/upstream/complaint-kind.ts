import { isOpenStatus } from '../contracts/upstream-errors.js'
import type { Complaint } from './complaint.js'
import { closesAccount, isModerationVerdict } from './moderation-verdict.js'
import { isMoneySentence } from './money-sentence.js'

/** The kind of a complaint; `other` for everything else. */
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

// Unambiguous sentences, whatever the status: an upstream that sends one has accepted nothing.
const PLAIN: readonly (readonly ['quota' | 'overload', RegExp])[] = [
  ['quota', /\bno available (\w+ )?(tokens|models|accounts)\b/i],
  ['overload', /\b(under|due to) heavy load\b|\bheavy_load\b/i],
]

const WORDS: readonly Rule[] = [
  // Before the credential: a proxy may give both words for a key without a budget.
  [
    'quota',
    /insufficient[_ -]?(\w+[_ -])?(quota|balance|credits?|funds)|quota[_ -]?(exceeded|exhausted|not[_ -]enough)|token[_ -]quota[_ -]failed|billing|(?:out[_ -]of|no|not[_ -]enough)[_ -](?:credits?|balance|funds|quota)|(?:credits?|balance|budget|token[_ -]?status|spend(?:ing)?[_ -]?limit|monthly[_ -]?limit)[_ -]?(?:not[_ -]enough|exceeded|exhausted|reached|insufficient)|payment[_ -]?required|allocation[_ -]?quota|free[_ -]?tier[_ -]?only|over[_ -]?budget|exceeded[_ -]?(?:\w{1,20}[_ -]?)?budget|set[_ -]?limit[_ -]?exceeded|spend(?:ing)?[_ -]?cap|overdue|arrear/i,
  ],
  [
    'credential',
    /token[_ -](invalidated|expired|revoked|not[_ -]found)|(?:invalid|incorrect|missing|no|expired)[_ -]?(?:api[_ -]?key|token|access[_ -]?key|auth\w*|credentials?)|api[_ -]?key[_ -]?(?:not[_ -]valid|invalid|missing|expired|disabled|not[_ -]found)|^un(?:authori[sz]ed|authenticated)|^authfailure|^auth(?:entication)?[_ -]?(?:error|failed|failure)$|signaturedoesnotmatch/i,
  ],
  [
    'rate',
    /rate[_ -]?limit|request[_ -]?limit|too[_ -]?many[_ -]?(?:requests|tasks|jobs)|throttl|flow[_ -]?(?:control|limit)|concurren\w*[_ -]?(?:limit|exceed)|queue[_ -]?full|\bqps\b|^cf[_ -]shield/i,
  ],
  ['overload', /heavy[_ -]load|overloaded|(?:server|system|service|model)[_ -]?(?:is[_ -]?)?busy|no[_ -]?capacity/i],
  ['region', /unsupported[_ -](country|region)|geo[_ -]?(block|restrict)/i],
  // How a backend of this library reports that the outcome of its own submission is unknown.
  ['timeout', /^submission[_-]unknown$/i],
]

// Sentences about money are specific enough to count beside a less specific status.
const MAY_BE_BALANCE: ReadonlySet<number> = new Set([400, 401, 402, 403, 429])

const PLACE =
  /\b(user )?location is not supported\b|not (available|supported) in (your|this) (country|region|location|territory)|\b(country|region|territory)\b.{0,30}\bnot supported/i
const MAY_BE_PLACE: ReadonlySet<number> = new Set([400, 403, 451])

const KEY =
  /\bapi key (?:is )?(?:not valid|invalid|missing|expired)|\b(?:invalid|incorrect|missing) (?:api key|access key|credentials)|(?:令牌|密钥|api ?key)(?:无效|不存在|已过期|错误)|无效的(?:令牌|密钥|api ?key)/i
const MAY_BE_KEY: ReadonlySet<number> = new Set([400, 404, 422])

// Only for a sentence without a status.
const SENTENCES: readonly Rule[] = [
  [
    'credential',
    /\bunauthori[sz]ed\b|not authenticated|invalid (api key|token)|authentication token|token_(inv|exp)|\blog-?in fail|\bauthentication fail|鉴权失败|认证失败/i,
  ],
  ['quota', /\bquota\b|\bexhausted\b|insufficient (credits?|balance|funds)|out of credits?\b/i],
  ['rate', /rate.?limit|too many requests|\bcloudflare\b|频率|限流|请求过于频繁/i],
  ['overload', /\boverloaded\b/i],
  ['region', /unsupported[_ -](country|region)|\b(available|supported) in your (country|region)\b/i],
  ['timeout', /\btime[ -]?out\b|\btimed out\b|exceeded \d+ seconds|\bdeadline exceeded\b|超时/i],
  [
    'network',
    /^URL Error\b|\bcurl: \(\d+\)|\bconnection (was |has been )?(reset|refused|closed|aborted)\b|\b(provider|upstream|server) disconnected\b|^(unexpected )?EOF$|连接(被重置|已断开|中断)|网络(错误|异常)/i,
  ],
]

const MAY_CLOSE_ACCOUNT: ReadonlySet<number> = new Set([400, 401, 403])

const REGION = /\b(region|country|territory)\b/i
const MAY_BE_REGION: ReadonlySet<number> = new Set([403, 451])
// 424 is that of Cloudflare's guardrails, 446 that of Portkey's.
const MAY_BE_VERDICT: ReadonlySet<number> = new Set([400, 403, 422, 424, 429, 446, 451, 503, 529])

/**
 * The kind of a complaint: by a moderation verdict (400, 403, 422, 424, 429, 446, 451, 503, 529, or a sentence without a status), by
 * the sentences of gateways that have no account left or are overloaded, by words such as `token_invalidated` or
 * `insufficient_quota` of a 4xx, by the status, and without one by the sentence. A 403 that an upstream relays is its
 * own problem with a bot shield and counts as a rate limit; a 403 page is not about the client's credential.
 */
export function complaintKind(complaint: Complaint): ComplaintKind {
  const { status, words, message } = complaint
  // The request may still have been accepted: no word proves the contrary.
  if (status !== undefined && isOpenStatus(status)) return 'other'
  const plain = plainKind(message)
  if (plain !== undefined) return plain
  if ((status === undefined || MAY_BE_BALANCE.has(status)) && isMoneySentence(message)) return 'quota'
  if ((status === undefined || MAY_BE_PLACE.has(status)) && PLACE.test(message)) return 'region'
  if ((status === undefined || MAY_CLOSE_ACCOUNT.has(status)) && closesAccount(message)) return 'credential'
  if ((status === undefined || MAY_BE_VERDICT.has(status)) && isModerationVerdict(words, message)) return 'moderation'
  if (status !== undefined && MAY_BE_KEY.has(status) && KEY.test(message)) return 'credential'
  const isRefusal = status === undefined || (status >= 400 && status < 500)
  return (
    (isRefusal ? ruleFor(WORDS, words) : undefined) ??
    (status === undefined ? ruleFor(SENTENCES, [message]) : kindOfStatus(status, complaint)) ??
    'other'
  )
}

/** The kind of an unambiguous sentence, such as `No available tokens for video generation`. */
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
