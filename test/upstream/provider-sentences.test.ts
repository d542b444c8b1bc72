import { describe, expect, test } from 'vitest'
import { readComplaint } from '../../src/upstream/complaint.js'
import { type ComplaintKind, complaintKind } from '../../src/upstream/complaint-kind.js'
import { readErrorDetails } from '../../src/upstream/error-details.js'
import { isModerationVerdict } from '../../src/upstream/moderation-verdict.js'

const kindOf = (status: number | undefined, message: string, code?: string) =>
  complaintKind(readComplaint(readErrorDetails(JSON.stringify({ error: { message, code } })), status))

/** Sentences of a language, and sentences about something else that share words with them. */
const VERDICTS: Record<string, { readonly verdicts: readonly string[]; readonly traps: readonly string[] }> = {
  English: {
    verdicts: [
      'Trigger the content security policy of the platform',
      'Failure to pass the risk control system',
      'The request failed because the output video may be related to copyright restrictions.',
      'Your request was rejected as a result of our safety system.',
      'This content may violate our guardrails concerning similarity to third-party content.',
      'The prompt goes against our Generative AI Prohibited Use Policy',
      'Your prompt contains banned words',
      'The prompt does not comply with our community standards',
      'Unable to pass the content safety review',
      'The generated video contains harmful content and cannot be returned',
      'The input image may contain copyrighted material',
      'The moderation service flagged the prompt, the quota of the day is unaffected',
    ],
    traps: [
      "Trigger the platform's IP whitelisting policy",
      'Refused to load the script: it violates the following Content Security Policy directive',
      'An explicit content type is required',
      'Inappropriate Content-Type header: text/plain',
      'The request violates the rate limit policy of this key',
      'The body violates the schema: prompt is required',
      'The request violates the maximum length of 2000 characters',
      'The prompt does not comply with the JSON schema',
      'moderation service quota exceeded',
      'moderation service unavailable',
      'The content moderation API returned status 503',
      'Could not reach the safety service',
      'The moderation check could not be performed: rate limit exceeded',
      'content filters cannot be disabled for this model',
      'Your account has been suspended for violating our terms of service',
      'The content policy parameter must be one of: strict, default',
    ],
  },
  Chinese: {
    verdicts: [
      '提示词可能涉及版权限制，请修改后重试',
      '涉及版权限制',
      '该内容可能侵犯他人肖像权',
      '系统检测到输入或生成内容可能包含不安全或敏感内容',
      '图片涉嫌侵权，无法生成',
      '您的输入涉及政治人物，无法处理',
      '触发平台内容安全策略',
      '提示词包含不良信息',
      '素材未能通过安全检测',
      '涉及未成年人的不当内容',
      '內容違反社群規範',
      '提示詞包含敏感內容，審核未通過',
      '画面含有血腥暴力内容',
    ],
    traps: [
      '版权所有 示例科技有限公司',
      '触发频率限制，请稍后重试',
      '内容审核服务限流，请稍后重试',
      '审核服务配额已用尽',
      '参数不合法：duration',
      '请求违反参数格式规定',
      '连接不安全，请使用 https',
      '视频正在审核中',
      '内容不能为空',
      '内容安全服务暂时无法访问',
    ],
  },
  Japanese: {
    verdicts: [
      '不適切なコンテンツが含まれているため、動画を生成できませんでした。',
      'プロンプトがコンテンツポリシーに違反しています。',
      'ご利用規約に抵触する可能性があるため、生成を中止しました。',
      '安全フィルターによりリクエストがブロックされました。',
      '性的または暴力的な表現が検出されました',
      '著作権で保護された内容が含まれている可能性があります',
      '実在する人物の動画は作成できません',
      'コンテンツ審査を通過できませんでした',
    ],
    traps: [
      'コンテンツを生成しています',
      'コンテンツが見つかりません',
      '不適切なコンテンツタイプです',
      '利用規約に同意してください',
      'レート制限ポリシーに違反しています',
      '安全な接続が拒否されました',
      'モデレーションサービスが利用できません',
      'プロンプトの内容が長すぎます',
    ],
  },
  Korean: {
    verdicts: [
      '콘텐츠 정책을 위반하여 동영상을 생성할 수 없습니다.',
      '부적절한 콘텐츠가 감지되었습니다.',
      '요청이 안전 시스템에 의해 차단되었습니다.',
      '프롬프트에 유해한 내용이 포함되어 있습니다',
      '커뮤니티 가이드라인에 위배되는 내용입니다',
      '저작권을 침해할 수 있는 내용입니다',
      '콘텐츠 심의를 통과하지 못했습니다',
    ],
    traps: [
      '콘텐츠를 생성하는 중입니다',
      '부적절한 콘텐츠 유형입니다',
      '요청 속도 제한 정책을 위반했습니다',
      '이용 약관에 동의해 주세요',
      '안전한 연결이 거부되었습니다',
      '검열 서비스를 사용할 수 없습니다',
      '프롬프트 내용이 너무 깁니다',
    ],
  },
  German: {
    verdicts: [
      'Ihre Anfrage verstößt gegen unsere Inhaltsrichtlinien.',
      'Verstoß gegen die Nutzungsbedingungen',
      'Der Prompt wurde vom Sicherheitssystem abgelehnt.',
      'Der Inhaltsfilter hat das Video blockiert',
      'Die Eingabe enthält unangemessene Inhalte',
      'Das Bild ist urheberrechtlich geschützt',
      'Diese Anfrage entspricht nicht unseren Community-Richtlinien',
    ],
    traps: [
      'Der Inhalt des Prompts fehlt',
      'Unzulässiger Inhaltstyp: text/plain',
      'Die Anfrage verstößt gegen das JSON-Schema',
      'Die Anfrage verstößt gegen die Richtlinie zur Ratenbegrenzung',
      'Der Sicherheitsschlüssel wurde abgelehnt',
      'Der Moderationsdienst ist nicht erreichbar',
      'Bitte stimmen Sie den Nutzungsbedingungen zu',
    ],
  },
  French: {
    verdicts: [
      'Votre demande enfreint notre politique de contenu.',
      'Le texte ne respecte pas nos règles de la communauté',
      'La requête a été bloquée par le système de sécurité.',
      'Contenu inapproprié détecté',
      'Le filtre de contenu a rejeté cette vidéo',
      'Cette image est protégée par le droit d’auteur',
      "Contraire à nos conditions d'utilisation",
    ],
    traps: [
      'Le contenu est vide',
      'Type de contenu interdit : text/plain',
      'La requête ne respecte pas le format attendu',
      'La requête enfreint la politique de limitation du débit',
      'La clé de sécurité a été refusée',
      'Le service de modération est indisponible',
      "Veuillez accepter les conditions d'utilisation",
    ],
  },
  Spanish: {
    verdicts: [
      'Su solicitud infringe nuestras políticas de contenido.',
      'El texto no cumple con nuestras normas de la comunidad',
      'La solicitud fue bloqueada por el sistema de seguridad',
      'Se detectó contenido inapropiado',
      'El filtro de contenido rechazó el vídeo',
      'La imagen está protegida por derechos de autor',
      'Esto viola los términos de uso',
    ],
    traps: [
      'El contenido está vacío',
      'Tipo de contenido no permitido: text/plain',
      'La solicitud no cumple con el formato esperado',
      'La solicitud infringe la política de límite de peticiones',
      'La clave de seguridad fue rechazada',
      'El servicio de moderación no está disponible',
      'Debe aceptar los términos de uso',
    ],
  },
  'further languages': {
    verdicts: [
      'O pedido viola as nossas políticas de conteúdo',
      'Foi detetado conteúdo impróprio',
      'La richiesta viola le nostre linee guida',
      'Il prompt contiene contenuti inappropriati',
      'Запрос нарушает политику контента',
      'Обнаружен недопустимый контент',
    ],
    traps: [
      'O conteúdo está vazio',
      'Tipo de conteúdo proibido: text/plain',
      'Tipo di contenuto vietato: text/plain',
      'La richiesta viola lo schema JSON',
      'Запрос нарушает формат',
      'Недопустимый тип контента',
    ],
  },
}

describe.each(Object.entries(VERDICTS))('a moderation verdict in %s', (_, { verdicts, traps }) => {
  test.each(verdicts)('%s', (said) => {
    expect(isModerationVerdict([], said)).toBe(true)
    expect(kindOf(400, said)).toBe('moderation')
    expect(kindOf(undefined, said)).toBe('moderation')
  })

  test.each(traps)('is not: %s', (said) => {
    expect(isModerationVerdict([], said)).toBe(false)
  })
})

const MONEY: readonly (readonly [ComplaintKind, number | undefined, string, string?])[] = [
  // xAI.
  [
    'quota',
    403,
    'Your team 7 has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits or raise your spending limit.',
  ],
  ['quota', 429, 'Your team has used all available credits'],
  ['quota', 403, "Your newly created team doesn't have any credits yet."],
  // DashScope.
  ['quota', 403, 'The free tier of the model has been exhausted.', 'AllocationQuota.FreeTierOnly'],
  ['quota', 403, 'The request was denied', 'AllocationQuota.Example'],
  ['quota', 429, 'Allocated quota exceeded, please increase your quota limit.', 'Throttling.AllocationQuota'],
  ['quota', 429, 'Free allocated quota exceeded.', 'Throttling.AllocationQuota'],
  ['rate', 429, 'Requests rate limit exceeded, please try again later.', 'Throttling.RateQuota'],
  ['rate', 429, 'Requests throttling triggered.', 'Throttling'],
  // LiteLLM.
  ['quota', 400, 'Budget has been exceeded! Current cost: 12.3, Max budget: 10.0', 'budget_exceeded'],
  ['quota', 401, 'Budget has been exceeded! Current cost: 12.3, Max budget: 10.0', 'auth_error'],
  ['quota', 401, 'Authentication Error, ExceededBudget: User=u1 over budget. Spend=3, Budget=2', 'auth_error'],
  ['quota', 401, 'Authentication Error, ExceededTokenBudget: Current spend for token: 5; Max Budget: 4', 'auth_error'],
  ['credential', 401, 'Authentication Error, Invalid proxy server token passed', 'auth_error'],
  // Limits of the account's money.
  ['quota', 429, 'monthly spend limit reached'],
  ['quota', 429, 'You have reached your monthly spending limit'],
  ['quota', undefined, 'monthly spend limit reached'],
  ['quota', 429, 'Your project has exceeded its spending cap'],
  ['quota', 429, 'You exceeded your current quota, please check your plan and billing details.'],
  ['quota', 400, 'Billing hard limit has been reached'],
  ['quota', 400, 'Your credit balance is too low to access the API. Please go to Plans & Billing to purchase credits.'],
  ['quota', 403, 'Key limit exceeded (monthly limit). Manage it using the settings page'],
  ['quota', 403, 'Quota exceeded for this project'],
  ['quota', 403, 'Resource package depleted or expired'],
  ['quota', 403, '预扣费额度失败, 用户剩余额度: 0'],
  ['quota', 429, '您的免费额度已用完'],
  ['quota', 403, 'クレジットが不足しています'],
  ['quota', 403, '크레딧이 부족합니다'],
  ['quota', 403, 'Ihr Guthaben ist aufgebraucht'],
  ['quota', 403, 'Crédits insuffisants'],
  ['quota', 403, 'Saldo insuficiente'],
  // Limits of requests in a time, whatever else they mention.
  ['rate', 429, "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'"],
  [
    'rate',
    429,
    'Rate limit reached on requests per min. You can increase your rate limit by adding a payment method at https://api.example/account/billing.',
  ],
  ['rate', 429, 'Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day'],
  ['rate', 429, 'Concurrency quota exceeded'],
  ['rate', 429, 'You have reached the limit of tasks'],
  ['rate', 429, '并发配额不足'],
  // The service that judges had a problem.
  ['quota', 403, 'moderation service quota exceeded'],
  ['overload', 503, 'moderation service unavailable'],
  ['overload', 503, 'Please retry', 'moderation_service_unavailable'],
  ['other', 400, 'Please retry', 'moderation_timeout'],
  // Other uses of the same words.
  ['credential', 401, 'Invalid API key. See the billing page for keys.'],
  ['credential', 403, 'You do not have access to the balance endpoint'],
  ['credential', 403, 'Your account has been suspended for violating our terms of service'],
  ['other', 400, 'The budget field must be a number'],
  ['other', 400, 'The credits at the end of the video are too long'],
  ['other', 400, 'spend_limit is not a known parameter'],
]

test.each(MONEY.map(([kind, status, message, code]) => [kind, status, message, code] as const))(
  '%s of %s: %s (%s)',
  (kind, status, message, code) => {
    expect(kindOf(status, message, code)).toBe(kind)
  },
)
