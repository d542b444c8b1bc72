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

// Sentences with the same meaning, for answers without such words.
const SENTENCES = [
  // Azure: `The response was filtered due to the prompt triggering Azure OpenAI's content management policy`.
  /content management polic|(?:response|content|output) was filtered|content polic|usage (?:polic|guideline)|content filters?\b|moderation (system|filter|block|check|service)|\bmoderated\b|guardrail|safety (system|filter|check|polic|guideline)/i,
  /violates? (our|the|polic|openai|google|content|community|safety|usage)|against (our|the) (content|usage|community|safety) /i,
  /\b(?:input|output|text|image|prompt|video|content) moderation:|\bmoderation (?:failed|rejected|violation|error)\b|(?:failed|rejected by|blocked by|not pass(?:ed)?)(?: (?:the|our|content|text|image|prompt|safety))* moderation/i,
  /inappropriate content|sensitive (content|information|words?)|prohibited (?:content|words?|terms?)|unsafe content|\b(?:prompt|content|image|video|text|field)s? (?:is|are|was|were|may be) unsafe\b|because it may be unsafe|_error_(?:safety|nsfw)\b|\bnsfw\b/i,
  /(?:failed|(?:did|does) not pass) (?:the )?(?:content |safety |text |image |video )?(?:audit|review)\b|\breal (?:person|people)\b/i,
  // Cloudflare, and others.
  /\b(?:prompt|content|input|image|video|response|output|generation) (?:was |is |has been )?blocked\b|\bviolat(?:es?|ed|ing|ions? of)\b[^.]{0,40}\b(?:polic|guideline|terms|rules|standards)|\b(?:public figures?|celebrit(?:y|ies)|nudity|explicit content|sexual content)\b/i,
  // fal and its models; xAI.
  /flagged (by|as|for)\b|content checker|content exists risk|copyright (restriction|polic|infring)/i,
  // Google: `could not be submitted … sensitive words that violate`, `Responsible AI practices`; Kling: `risk control system`.
  /responsible ai|risk (?:control|not pass)|third-party content provider|new_sensitive/i,
  // MiniMax, Kling, Vidu, Hunyuan, Zhipu and Chinese gateways.
  /内容(审核|安全|违规|政策|策略)|(审核|安全)(未通过|不通过|失败|拦截)|违规|违禁|违反[^。；\n]{0,30}(政策|策略|规定|规则|准则|规范|护栏)|敏感(内容|信息|词)|风控|涉黄|色情|未通过.{0,6}审核|不合规|不符合.{0,6}(?:规范|规定|政策)|合规问题|含真人|真人(?:人脸|照片|形象)/,
] as const

// The moderation service failed; it made no verdict.
const OUTAGE =
  /\b(?:moderation|safety|guardrail)[\w ]{0,40}\b(?:unavailable|timed? ?out|overloaded|unreachable|down)\b|(?:审核|安全)\S{0,6}(?:服务|系统|接口)\S{0,4}(?:超时|不可用|异常|繁忙)/i
const JUDGED = /block|reject|violat|flag|违规|拦截|未通过|不通过/i

/**
 * Whether an upstream's words or sentence name a moderation verdict. The list of codes is open: `moderation_blocked`,
 * `content_policy_violation`, `Content Moderated` and similar ones all count. A verdict that is missed costs another
 * generator's attempt for the same refusal.
 */
export function isModerationVerdict(words: readonly string[], message: string): boolean {
  const quoted = (message.match(QUOTED_WORD) ?? []).filter(
    (word) => word.length <= LONGEST_WORD && QUOTED_VERDICT.test(word),
  )
  const isWord = [...words, ...quoted].some((word) => WORDS.some((pattern) => pattern.test(word)))
  const isOutage = OUTAGE.test(message) && !JUDGED.test(message)
  return isWord || (!isOutage && SENTENCES.some((pattern) => pattern.test(message)))
}
