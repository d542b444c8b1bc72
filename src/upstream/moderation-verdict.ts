import { isVerdictElsewhere } from './moderation-languages.js'
import { plainSentence, simplifiedChinese } from './plain-sentence.js'

// Words of the codes, types and states of providers and gateways.
const WORDS = [
  // OpenAI and its gateways: moderation_blocked, content_policy_violation, content_filter; Azure: ResponsibleAIPolicyViolation.
  /moderat|^hooks_failed$|(?:prompt|content|input|output)_?blocked|audit[_ -]?(?:\w+[_ -]?)?illegal|content[_ -]?(policy|filter|violation|blocked|rejected)|policy[_ -]?violation|responsibleai/i,
  // Google (Veo): SAFETY, PROHIBITED_CONTENT, RAI_FILTERED; Runway: SAFETY.INPUT.TEXT; Stability and Black Forest Labs.
  /safety|prohibited[_ -]?content|\brai[_ -]|guardrail|nsfw|flagged|copyright|likeness|celebrit|csam|self[_ -]?harm|sexual|violen[ct]|hate[_ -]?speech/i,
  // ByteDance Ark: InputTextSensitiveContentDetected; DashScope: DataInspectionFailed; Tencent and Baidu: risk_control.
  /sensitive[_ -]?content|sensitive_?(text|image|video)|data[_ -]?inspection|risk[_ -]?(?:control|not[_ -]?pass)|illegal[_ -]?(content|input)/i,
  // Baidu Qianfan: unsafe_request, video_genration_prompt_unsafe.
  /unsafe_|_unsafe/i,
  // Google Flow: PUBLIC_ERROR_UNSAFE_GENERATION, PUBLIC_ERROR_PROMINENT_PEOPLE_FILTER_FAILED.
  /public_error_\w*(?:unsafe|minor|sexual|prominent|violence|child|danger|harm|safety|copyright)/i,
] as const

// The same words inside a longer one, such as `ContentPolicyViolationError` or `prompt_unsafe`. They count only where
// they name a verdict: `safety_settings` may be the name of a field.
const QUOTED_WORD = /\b[A-Za-z]+(?:_[A-Za-z]+)+\b|\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b/g
const LONGEST_WORD = 64
const QUOTED_VERDICT =
  /violat|unsafe|reject|blocked|filtered|flagged|illegal|prohibit|detected|sensitive|nsfw|public_error/i

// A word about the service that judges, or about its parameters: `moderation_service_unavailable`, and
// `Throttling.DataInspection` and `InvalidParameter.DataInspection` of DashScope.
const NO_VERDICT_WORD =
  /unavailable|unreachable|time[_ -]?d?[_ -]?out|quota|overload|throttl|rate[_ -]?limit|busy|service[_ -]?error|not[_ -]?configured|settings?$|^invalid[_ -]?parameter/i

// Rules about anything but content, and types of content; `limits` stands in their place.
const OTHER_RULES =
  /content[-_ ](?:types?|length|encoding|disposition|range|md5)\b|content security policy[- ](?:directive|header)|\b(?:rate[- ]?limit\w*|(?:usage|request)[- ]limits?|retry|retention|cors|iam|bucket|network|password|organi[sz]ation|org|access|quota|billing|referrer|cache|scaling|\w*whitelist\w*|throttling|fair[- ]use|spend\w*|naming|format\w*|schema|validation|same[- ]origin|tls)[- ](?:polic\w+|rules?|guidelines?|terms|standards?)/gi

// Sentences with the same meaning, for answers without such words.
const SENTENCES = [
  // Azure: `The response was filtered due to the prompt triggering Azure OpenAI's content management policy`.
  /content management polic|(?:response|content|output) was filtered|content polic|usage (?:polic|guideline)|content filters?\b|moderation (system|filter|block|check|service)|\bmoderated\b|guardrail|safety (system|filter|check|polic|guideline)/i,
  /violates? (?:our|the)(?! (?:[\w-]+ ){0,2}(?:schema|length|maximum|minimum|limits?|constraints?|format|types?|patterns?|range|size|spec\w*|signature|protocol|contract|rate|quota|resolution|duration)\b)|violates? (?:polic|openai|google|content|community|safety|usage)|against (our|the) (content|usage|community|safety) |against (?:our|the|your|its|\w+'s) (?:[\w-]+ ){0,6}(?:polic|guideline|standards|rules)/i,
  /\b(?:input|output|text|image|prompt|video|content) moderation:|\bmoderation (?:failed|rejected|violation|error)\b|(?:failed|rejected by|blocked by|not pass(?:ed)?)(?: (?:the|our|content|text|image|prompt|safety))* moderation/i,
  /inappropriate content|sensitive (content|information|words?)|prohibited (?:content|words?|terms?)|unsafe content|\b(?:prompt|content|image|video|text|field)s? (?:is|are|was|were|may be) unsafe\b|because it may be unsafe|_error_(?:safety|nsfw)\b|\bnsfw\b/i,
  /\b(?:inappropriate|offensive|harmful|disallowed|forbidden|banned|objectionable|unsafe|restricted|hateful|pornographic|adult|violent|obscene|illegal) (?:or \w+ )?(?:content|words?|terms|language|material|imagery|images?|phrases?)\b|\b(?:content|prompt|input|image|video|text|request)s?\b (?:\w+ ){0,3}(?:inappropriate|offensive|harmful|disallowed|objectionable|obscene)\b/i,
  /(?:failed|(?:did|does) not pass) (?:the )?(?:content |safety |text |image |video )?(?:audit|review)\b|\breal (?:person|people)\b/i,
  /\b(?:fail\w*|unable|not|could not|cannot|can't|n't) (?:to )?pass(?:ed)? (?:[\w-]+ ){0,4}(?:moderation|safety|content|audit|compliance|risk)\b|(?:not|n't|fails to) (?:comply|conform) with (?:our|the) (?:[\w-]+ ){0,4}(?:polic|guidelines|standards|terms|community)/i,
  // Cloudflare, and others.
  /\b(?:prompt|content|input|image|video|response|output|generation) (?:was |is |has been )?blocked\b|\bviolat(?:es?|ed|ing|ions? of)\b[^.]{0,40}\b(?:polic|guideline|terms|rules|standards)|\b(?:public figures?|celebrit(?:y|ies)|nudity|explicit content|sexual content|graphic (?:violence|content))|(?:blocked|filtered|rejected|refused|stopped) (?:for|by|due to|because of) (?:our |the |automated )*(?:safety|abuse|moderation|content)\b|abuse (?:detection|filter)\b/i,
  /\b(?:not (?:allowed|permitted)|rejected|refused|declined|disallowed)\b[^.]{0,25}\b(?:safety|content|community|moderation|policy|policies)\b(?! (?:failed|missing))|\b(?:prompt|content)s? (?:was |were )?(?:refused|declined)\b/i,
  // fal and its models; xAI.
  /flagged (by|as|for)\b|content checker|content exists risk|copyright (restriction|polic|infring)|copyrighted (?:material|content|character|work|music|image)|intellectual property/i,
  // Google: `could not be submitted … sensitive words that violate`, `Responsible AI practices`; Kling: `content security policy of the platform`, `risk control system`.
  /responsible ai|content security polic|risk (?:control|not pass)|third-party content provider|new_sensitive/i,
] as const

// The service that judges failed or refused to work; it made no verdict.
const JUDGE = '(?:moderation|safety|guardrails?|content (?:filter|checker|review|audit)|risk control)'
const OUTAGES: readonly RegExp[] = [
  new RegExp(
    `\\b${JUDGE}[\\w /-]{0,40}(?:\\b(?:unavailable|timed? ?-?out|overloaded|unreachable|down|offline|busy|throttled|quota|maintenance|disconnected|rate[- ]limit\\w*|(?:internal|server|connection|network) error|returned an? error|(?:answered|returned|responded)(?: with)?(?: status| http)?(?: code)? [45]\\d\\d|not (?:be )?(?:available|configured|reachable|reached|responding|performed|completed|enabled)|(?:did|does) not (?:answer|respond)))\\b`,
    'i',
  ),
  new RegExp(
    `\\b(?:could not|failed to|unable to|can ?not|can't|error|failure|timed? ?out|while)\\W{1,3}(?:reach|call|contact|connect|quer|invok|wait|access)\\w*(?: \\w+){0,4} ${JUDGE}`,
    'i',
  ),
  /(?:审核|安全|风控)\S{0,8}(?:服务|系统|接口)\S{0,8}(?:超时|不可用|异常|繁忙|限流|配额|欠费|维护|无法(?:访问|连接)|连接)/,
]
const JUDGED = /block|reject|violat|flag|refus|违规|拦截|未通过|不通过/i

// A parameter of the request, and an account that was closed.
const PARAMETER =
  /\b(?:filters?|polic(?:y|ies)|moderation|checker|safety \w+) (?:cannot|can't|must|should|may only) be\b|\b(?:filters?|policy|moderation|checker|safety)\W{1,3}(?:\w+ )?(?:parameter|field|option|setting|threshold)s?\b/i
const ACCOUNT =
  /\b(?:account|organi[sz]ation|api key|workspace|team|project) (?:\S+ )?(?:has been|have been|is|was) (?:\w+ )?(?:suspended|banned|disabled|deactivated|terminated|locked)\b|(?:账号|账户|帐号|帐户|密钥|令牌)[^。;,将会可能]{0,12}(?:封禁|封停|冻结|停用|禁用)/i

// What is read of a long text, at its start and at its end: the middle is the data of a file.
const PART = 10_000

/**
 * Whether an upstream's words or sentence name a moderation verdict, in the languages of the known providers and
 * gateways. The list of codes is open: `moderation_blocked`, `content_policy_violation`, `Content Moderated` and
 * similar ones all count. A verdict that is missed costs another generator's attempt for the same refusal.
 */
export function isModerationVerdict(words: readonly string[], message: string): boolean {
  const said = message.length > 2 * PART ? `${message.slice(0, PART)}\n${message.slice(-PART)}` : message
  const quoted = (said.match(QUOTED_WORD) ?? []).filter(
    (word) => word.length <= LONGEST_WORD && QUOTED_VERDICT.test(word),
  )
  const isWord = [...words, ...quoted].some(
    (word) => !NO_VERDICT_WORD.test(word) && WORDS.some((pattern) => pattern.test(word)),
  )
  return isWord || isVerdictSentence(plainSentence(said).replace(OTHER_RULES, 'limits'))
}

/** Whether a sentence reports an account that was closed, for whatever reason. */
export function closesAccount(message: string): boolean {
  return ACCOUNT.test(simplifiedChinese(message))
}

function isVerdictSentence(sentence: string): boolean {
  const isJudged = JUDGED.test(simplifiedChinese(sentence))
  if (!isJudged && (PARAMETER.test(sentence) || isOutage(sentence))) return false
  if (closesAccount(sentence)) return false
  return SENTENCES.some((pattern) => pattern.test(sentence)) || isVerdictElsewhere(sentence)
}

function isOutage(sentence: string): boolean {
  const chinese = simplifiedChinese(sentence)
  return OUTAGES.some((pattern) => pattern.test(chinese))
}
