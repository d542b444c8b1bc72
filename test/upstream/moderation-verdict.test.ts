import { describe, expect, test } from 'vitest'
import { isModerationVerdict } from '../../src/upstream/moderation-verdict.js'

describe('a word', () => {
  test.each([
    ...['moderation_blocked', 'ModerationFailed', 'audit_illegal', 'audit_submit_illegal', 'AuditTextIllegal'],
    ...['content_policy_violation', 'contentPolicy', 'content_filter', 'content-violation', 'content blocked'],
    ...['content_rejected', 'policy_violation', 'PolicyViolation', 'ResponsibleAI'],
    ...[
      'SAFETY',
      'SAFETY.INPUT.TEXT',
      'PROHIBITED_CONTENT',
      'prohibitedContent',
      'RAI_FILTERED',
      'guardrail',
      'nsfw_image',
    ],
    ...['flagged', 'InputTextSensitiveContentDetected', 'sensitive_content', 'sensitive_text', 'sensitiveImage'],
    ...[
      'sensitive_video',
      'DataInspectionFailed',
      'data_inspection_failed',
      'risk_control',
      'RiskControl',
      'risk_not_pass',
    ],
    ...[
      'illegal_content',
      'illegalInput',
      'PUBLIC_ERROR_UNSAFE_GENERATION',
      'PUBLIC_ERROR_MINOR',
      'PUBLIC_ERROR_SEXUAL',
    ],
    ...[
      'PUBLIC_ERROR_PROMINENT_PEOPLE_FILTER_FAILED',
      'public_error_violence',
      'public_error_child_x',
      'public_error_harm',
    ],
    ...['public_error_danger', 'public_error_copyright'],
  ])('such as %s is a verdict', (word) => {
    expect(isModerationVerdict(['failed', word], '')).toBe(true)
    // What an outage is called does not unsay it.
    expect(isModerationVerdict([word], 'The moderation service is unavailable')).toBe(true)
  })

  test.each([
    ...[
      'content',
      'policy',
      'audit',
      'audit_pending',
      'trail_1',
      'illegal_argument',
      'risk',
      'sensitive',
      'inspection',
    ],
    ...[
      'public_error',
      'PUBLIC_ERROR_HIGH_TRAFFIC',
      'unsafe',
      'prohibited',
      'invalid_request_error',
      'content_type',
      '',
    ],
  ])('such as %j is not a verdict', (word) => {
    expect(isModerationVerdict([word], '')).toBe(false)
  })
})

describe('a sentence', () => {
  test.each([
    ...[
      'Blocked by our content policy',
      'See the content policies',
      'Against usage guidelines',
      'usage policies apply',
    ],
    ...[
      'Stopped by a content filter',
      'content filters',
      'our moderation system',
      'moderation filter',
      'moderation block',
    ],
    ...[
      'moderation check',
      'moderation service said no',
      'Content Moderated',
      'guardrails',
      'safety system',
      'safety filter',
    ],
    ...[
      'safety check',
      'safety policy',
      'safety guidelines',
      'It violates our terms',
      'violate the rules',
      'violates policy',
    ],
    ...['violates OpenAI rules', 'violates Google rules', 'violates content rules', 'violates community rules'],
    ...[
      'violates safety rules',
      'violates usage rules',
      'against our content rules',
      'against the community standards',
    ],
    ...['against our usage terms', 'against the safety rules'],
    ...[
      'input moderation: no',
      'output moderation: no',
      'image moderation: no',
      'moderation failed',
      'moderation rejected it',
    ],
    ...['moderation violation', 'moderation error', 'failed moderation', 'rejected by the content moderation'],
    ...['blocked by our moderation', 'did not pass the image safety moderation', 'does not pass text moderation'],
    ...['not passed prompt moderation', 'not pass moderation'],
    ...['Inappropriate content', 'sensitive information', 'sensitive word', 'Sensitive content', 'prohibited content'],
    ...[
      'prohibited words',
      'a prohibited term',
      'unsafe content',
      'It is NSFW',
      'failed the content review',
      'failed audit',
    ],
    ...['did not pass the safety audit', 'does not pass review', 'failed image review', 'a real person', 'real people'],
    ...['flagged by a checker', 'flagged as unsafe', 'flagged for review', 'content checker', 'Content Exists Risk'],
    ...[
      'copyright restrictions',
      'copyright policy',
      'copyright infringement',
      'Responsible AI practices',
      'risk control',
    ],
    ...['risk not pass', 'third-party content provider', 'new_sensitive'],
    ...[
      '内容审核',
      '内容安全',
      '内容违规',
      '内容政策',
      '审核未通过',
      '安全拦截',
      '审核失败',
      '违规',
      '违禁',
      '违反了平台的规定',
    ],
    ...[
      '违反护栏',
      '敏感内容',
      '敏感信息',
      '含有敏感词',
      '触发风控',
      '涉黄',
      '色情',
      '未通过平台审核',
      '内容不合规',
      '含真人',
      '真人照片',
    ],
  ])('%j is a verdict', (message) => {
    expect(isModerationVerdict([], message)).toBe(true)
  })

  test.each([
    ...[
      '',
      'A cat',
      'The content is missing',
      'moderation',
      'in moderation',
      'Unmoderated',
      'safety',
      'against the wall',
    ],
    ...['violates nothing', 'insensitive', 'sensitive to light', 'prohibited method', 'unsafe integer', 'NSFWX'],
    ...[
      'The job failed',
      'failed to review it',
      'unreal person',
      'real personality',
      'flagged',
      'copyright 2026',
      'copyright',
    ],
    ...[
      '审核中',
      '真人',
      '敏感',
      '违反',
      '内容生成中',
      `违反${'一'.repeat(31)}规定`,
      '违反。规定',
      `未通过${'一'.repeat(7)}审核`,
    ],
  ])('%j is not a verdict', (message) => {
    expect(isModerationVerdict([], message)).toBe(false)
  })
})

describe('an outage of the service that judges', () => {
  test.each([
    ...[
      'The moderation service is unavailable',
      'moderation check timed out',
      'safety check time out',
      'moderation check timeout',
    ],
    ...[
      'The safety system is overloaded',
      'guardrail is unreachable',
      'The moderation service is down',
      '内容安全服务超时',
    ],
    ...['内容审核接口异常', '内容审核系统繁忙', '内容安全检测服务不可用'],
  ])('is not a verdict: %s', (message) => {
    expect(isModerationVerdict([], message)).toBe(false)
  })

  test.each([
    ...[
      'Blocked: the moderation service is unavailable',
      'The safety check is down, rejected',
      'moderation timed out: violation',
    ],
    ...['Flagged while the moderation service was down', '违规（安全服务超时）', '内容审核服务异常，已拦截'],
    ...['审核未通过，审核服务超时', '审核不通过，审核系统异常'],
  ])('may still come with a verdict: %s', (message) => {
    expect(isModerationVerdict([], message.replace('timed out: violation', 'timed out: it violates our rules'))).toBe(
      true,
    )
  })
})
