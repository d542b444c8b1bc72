import { simplifiedChinese } from './plain-sentence.js'

// Sentences of a plain form: see `plainSentence`. In Russian `й` is `и`.

const CHINESE: readonly RegExp[] = [
  /内容(审核|安全|违规|政策|策略)|(审核|安全)(未通过|不通过|失败|拦截)|违规|违禁|敏感(内容|信息|词)|风控|涉黄|色情|未通过.{0,6}审核|不合规|不符合.{0,6}(?:规范|规定|政策)|合规问题|含真人|真人(?:人脸|照片|形象)/,
  /违反(?![^。;\n]{0,15}(?:参数|格式|频率|长度|类型|约束|接口))[^。;\n]{0,30}(?:政策|策略|规定|规则|准则|规范|护栏|守则)/,
  /版权(?:限制|保护|问题|风险|内容|作品|素材|方)|侵权|侵犯[^。;,]{0,12}(?:版权|著作权|产权|肖像|隐私|商标)/,
  /涉(?:及|嫌)[^。;,]{0,12}(?:版权|著作权|肖像|政治|暴力|敏感|违法|名人|公众人物|未成年|血腥|低俗|不雅|歧视|赌博|毒品|恐怖|裸露)|涉(?:政|暴|恐|毒|赌)/,
  /(?:不当|不良|不适宜|不适当|不安全|有害|不雅|违法|暴力|血腥|低俗|裸露|恐怖|仇恨|成人)(?:的|或|和|、|与)?[^。;,]{0,6}(?:内容|信息|言论|词语|词汇|画面|元素)|(?:内容|画面|图片|提示词)[^。;,]{0,8}(?:不适宜|不适当|不当|不安全|低俗|不雅|违法|有害|涉敏)/,
  /(?:未|不|没|无法)[^。;,]{0,3}(?:通过|符合)[^。;,]{0,6}(?:安全|审核|审查|合规|规范)/,
  /(?:安全|审查|合规|护栏)(?:检测|检查|审查|策略|机制|过滤|系统|要求)?[^。;,]{0,4}(?:未通过|不通过|没有?通过|拦截|拒绝生成)|触发(?:了)?(?:平台|系统|我们)?(?:的)?(?:内容|安全(?:策略|机制|审|护栏|过滤)|审核|敏感|护栏)|(?:安全|合规|内容)风险|公众人物|名人(?:肖像|形象)|政治人物/,
]
const JAPANESE: readonly RegExp[] = [
  /(?:ポリシー|ガイドライン|規約|規定|規範|基準|ルール|方針|規則)[^。]{0,20}(?:違反|反する|反し|抵触|そぐわ|不適合|準拠し(?:てい)?(?:ない|ません))|(?:安全|コンテンツ|コミュニティ|利用|倫理)[^。]{0,10}(?:ポリシー|ガイドライン|規約|基準)を満たし(?:てい)?(?:ない|ません)/,
  /(?:不適切|不適当|有害|センシティブ|露骨|わいせつ|卑猥|性的|暴力的|差別的|違法|過激|残虐|禁止|好ましくない|安全でない)[^。、]{0,12}(?:コンテンツ(?!タイプ|の種類|長)|内容|表現|描写|画像|動画|映像|テキスト|言葉|用語|ワード|単語|語句|プロンプト)|(?:コンテンツ(?!タイプ|の種類|長)|内容|表現|画像|動画|プロンプト)[^。、]{0,8}(?:不適切|有害|わいせつ|性的|暴力的|露骨)/,
  /(?:安全(?:システム|フィルタ|性|基準|ポリシー|上の|対策)|セーフティ|モデレーション|コンテンツ(?:フィルタ|審査|ポリシー|チェック)|検閲|審査|フィルター)[^。]{0,25}(?:ブロック|拒否|却下|遮断|弾か|不合格|検出|通過(?:でき|し(?:てい)?(?:ま|な))|通り?ま)/,
  /著作権(?:侵害|で保護|を侵害|上の|の(?:問題|制限|保護)|により)|(?:肖像権|商標権?|知的財産権?)(?:の)?(?:侵害|を侵害|で保護)|実在(?:する|の)(?:人|有名)|著名人|有名人|公人/,
]

const KOREAN: readonly RegExp[] = [
  /(?:정책|가이드라인|약관|규정|지침|기준|규칙|수칙)[^.。]{0,20}(?:위반|위배|어긋|반하|반합|저촉|준수하지|부합하지|맞지 않)/,
  /(?:부적절|부적합|유해|민감|선정적|폭력적|음란|성적|불건전|금지된|혐오|불법|잔인|외설)[^.,]{0,8}(?:콘텐츠(?! ?(?:유형|타입|형식|길이))|컨텐츠(?! ?(?:유형|타입|형식|길이))|내용|표현|이미지|영상|단어|문구|프롬프트|장면|언어)|(?:(?:콘텐츠|컨텐츠)(?! ?(?:유형|타입|형식|길이))|내용|이미지|영상|프롬프트)[^.,]{0,8}(?:부적절|유해|선정적|폭력적|음란)/,
  /(?:안전 ?(?:시스템|필터|정책|기준|검사|장치)|세이프티|(?:콘텐츠|컨텐츠) ?(?:필터|검열|심의|정책|검토|심사)|모더레이션|검열|심의|유해성)[^.]{0,25}(?:차단|거부|거절|통과하지|반려|필터링|감지|탐지)/,
  /저작권[^.]{0,10}(?:침해|보호|위반|문제|제한)|(?:초상권|상표권?|지식재산권?)[^.]{0,8}침해|실존 ?인물|유명인|공인(?!인증)|금칙어|금지어/,
]

const GERMAN: readonly RegExp[] = [
  /(?:verst(?:o|oe|ie)ss\w*|verletz\w*|widersprich\w*|widersprech\w*|entspr\w+ nicht|nicht (?:mit|im einklang)|missacht\w*)\b[^.]{0,70}(?:richtlinie|nutzungsbedingung|nutzungsregel|community|standards|inhaltsregel|grundsatz|grundsatze)/i,
  /(?:unangemessen|anstossig|unzulassig|sensibl|schadlich|gewalt\w*|pornogra\w*|verboten|unerlaubt|illegal|sexuell|explizit|jugendgefahrdend|beleidigend|gefahrlich)\w*\s+(?:\w+\s+)?(?:inhalte?n?(?!\w)|texte?n?\b|bild\w*|wort\w*|begriff\w*|darstellung\w*)|\b(?:inhalte?|eingabe|prompt|bild|video)\b[^.]{0,30}(?:unangemessen|anstossig|schadlich|jugendgefahrdend)/i,
  /(?:inhaltsfilter|sicherheitsfilter|sicherheitssystem|inhaltsmoderation|moderation\w*|sicherheitspruf\w*|sicherheitsrichtlinie\w*|inhaltspruf\w*)[^.]{0,60}(?:blockier|abgelehnt|zuruckgewiesen|gefiltert|beanstandet|nicht bestanden|ausgelost|markiert|verweigert|gestoppt)/i,
  /(?:blockiert|abgelehnt|zuruckgewiesen|gefiltert|beanstandet|markiert|verweigert|gestoppt)\w*[^.]{0,50}(?:inhaltsfilter|sicherheitsfilter|sicherheitssystem|moderation|inhaltsrichtlinie|sicherheitsrichtlinie)/i,
  /urheberrecht\w*[^.]{0,20}(?:geschutzt|verletz)|verletz\w*[^.]{0,30}urheberrecht|personlichkeitsrecht|reale personen|prominente\w*/i,
]

const FRENCH: readonly RegExp[] = [
  /\b(?:mots?|termes?|propos) (?:interdit|prohibe|inapproprie|sensible|offensant)/i,
  /(?:enfrei\w*|viole\w*|violation|contrevien\w*|contraires?|non conformes?|(?:ne |n')\w+ pas(?: conformes?)?|infraction)\b[^.]{0,60}(?:politiques?\b|regles\b|directives\b|conditions (?:generales )?d'utilisation|charte\b|normes\b|consignes\b|standards\b)/i,
  /contenus? (?:\w+ ){0,2}(?:inappropri|sensible|interdit|prohibe|dangereu|offensant|explicite|sexuel|violent|illicite|choquant|nuisible|inadapte|prejudiciable|haineu|non autorise)|\b(?:contenu|demande|image|video|texte|invite)s?\b[^.]{0,25}(?:inapproprie|offensant|choquant|inadapte)/i,
  /(?:bloque|rejete|refuse|filtre|signale)\w*[^.]{0,50}(?:moderation|filtres? de (?:contenu|securite)|systeme de securite|politique de contenu|regles de securite)/i,
  /(?:moderation|filtres? de (?:contenu|securite)|systeme de securite)[^.]{0,40}(?:bloque|rejete|refuse|signale)/i,
  /(?:proteg|viol|enfrein|atteinte|restriction)\w*[^.]{0,40}droits? d'auteur|person(?:ne|nage|nalite)s? (?:reel|publi)|celebrites?\b/i,
]

const SPANISH: readonly RegExp[] = [
  /\b(?:palabras?|terminos?) (?:prohibid|inapropiad|sensible|ofensiv)/i,
  /(?:infring\w*|viol(?:a|an|o|ado|acion)|incumpl\w*|no cumpl\w*|no respeta\w*|contraviene\w*|en contra|contrari[oa]s?|vulnera\w*)\b[^.]{0,60}(?:politicas?|normas|directrices|pautas|terminos|condiciones|reglas|lineamientos)\b/i,
  /contenidos? (?:\w+ ){0,2}(?:inapropiad|sensible|prohibid|peligros|ofensiv|explicit|sexual|violent|ilegal|danin|inadecuad|no permitid|de odio)|\b(?:contenido|solicitud|imagen|video|texto|prompt)s?\b[^.]{0,25}(?:inapropiad|inadecuad|ofensiv)/i,
  /(?:bloque|rechaz|filtrad|denegad|marcad)\w*[^.]{0,50}(?:moderacion|filtros? de (?:contenido|seguridad)|sistema de seguridad|politica de contenido)/i,
  /(?:moderacion|filtros? de (?:contenido|seguridad)|sistema de seguridad)[^.]{0,40}(?:bloque|rechaz|denego|marco)/i,
  /(?:protegid|infring|viola|restriccion)\w*[^.]{0,40}derechos? de autor|personas? reales|personajes? publicos?|celebridad/i,
]

const PORTUGUESE: readonly RegExp[] = [
  /(?:viola\w*|infring\w*|nao (?:cumpre|respeita|atende|esta)|descumpr\w*|contrari\w*|\bfere)\b[^.]{0,60}(?:politicas?|diretrizes|normas|termos|regras)\b/i,
  /conteudos? (?:\w+ ){0,2}(?:improprio|inapropriad|inadequad|sensive[il]|proibid|sexua|violent|explicit|ofensiv|nociv|perigos|ilega)|\b(?:conteudo|pedido|imagem|video|texto|prompt)s?\b[^.]{0,25}(?:improprio|inapropriad|ofensiv)/i,
  /(?:bloquead|rejeitad|recusad|filtrad)\w*[^.]{0,50}(?:moderacao|filtros? de (?:conteudo|seguranca)|sistema de seguranca)/i,
  /(?:protegid|viola|infring)\w*[^.]{0,40}direitos? autora/i,
]

const ITALIAN: readonly RegExp[] = [
  /(?:viola\w*|non (?:rispetta|e conforme|conforme|soddisfa)\w*|contrari\w*|infrang\w*|in contrasto)\b[^.]{0,60}(?:norme|politic(?:a|he)|linee guida|termini|regole|standard)\b/i,
  /contenut[oi] (?:\w+ ){0,2}(?:inappropriat|sensibil|vietat|proibit|offensiv|esplicit|sessual|violent|pericolos|dannos|illegal|non consentit)|\b(?:contenuto|richiesta|immagine|video|testo|prompt)\b[^.]{0,25}(?:inappropriat|offensiv)/i,
  /(?:bloccat|rifiutat|respint|filtrat)\w*[^.]{0,50}(?:moderazione|filtr[oi] (?:dei contenuti|di sicurezza)|sistema di sicurezza)/i,
  /(?:protett|viola)\w*[^.]{0,40}(?:diritt[oi] d'autore|copyright)/i,
]

const RUSSIAN: readonly RegExp[] = [
  /(?:наруш|противореч|не соответству)[а-я]*[^.]{0,50}(?:политик|правил|принцип|услови|стандарт|рекомендац)/i,
  /(?:недопустим|неприемлем|запрещен|непристоин|вредн|опасн|откровенн|чувствительн)[а-я]* (?:[а-я]+ )?(?:контент|содержани|содержим|материал|слов|изображени)/i,
  /(?:модераци|фильтр|систем[а-я]* безопасности)[^.]{0,40}(?:отклон|заблокир)|(?:отклон|заблокир)[а-я]*[^.]{0,40}(?:модераци|фильтр|систем[а-я]* безопасности)|авторск[а-я]* прав/i,
]

const DUTCH: readonly RegExp[] = [
  /(?:in strijd met|schend\w*|overtre\w*|voldoet niet aan|tegen)\b[^.]{0,40}(?:contentbeleid|gebruiksbeleid|inhoudsbeleid|richtlijn|gebruiksvoorwaarden|communityregels)/i,
  /(?:ongepast|ongewenst|schadelijk|aanstootgevend|verboden|expliciet)e? (?:\w+ )?(?:inhoud|content|woorden|beelden)\b(?! ?-?type)/i,
]

const OTHERS: readonly RegExp[] = [
  ...DUTCH,
  ...JAPANESE,
  ...KOREAN,
  ...GERMAN,
  ...FRENCH,
  ...SPANISH,
  ...PORTUGUESE,
  ...ITALIAN,
  ...RUSSIAN,
]

// Rules about the form of a request or about its rate, types of content, and connections.
const ELSEWHERE: readonly RegExp[] = [
  /(?:レート|速度|頻度)(?:制限)?(?:ポリシー|規定|ルール|基準)?|接続|(?:속도|빈도|횟수)[^.]{0,6}(?:정책|규정|기준)|연결/,
  /richtlinien? (?:zur|fur die|zum) (?:raten|anfrage|passw|format|daten|zugriff)\w*|(?:raten|passwort|format|schema|zugriffs)\w*richtlinie\w*|verbindung/i,
  /types? de contenu|connexion|(?:politiques?|regles|normes|consignes) (?:de |du |d')(?:limit|debit|nomm|format|mot de passe|retention|cache|factur|quota)\w*/i,
  /tipos? de (?:contenido|conteudo)|tipo di contenuto|conexion|conexao|connessione|(?:politicas?|politic[ah]e?|normas|reglas|regras|norme|regole) (?:de|di|del|do|da) (?:limit|peticion|format|contrasen|senha|retenc|cache|factur|fatur|cuota|cota|frequen|frecuen|nom)\w*/i,
  /тип[а-я]* (?:контента|содержимого)|соединени|(?:правил|политик)[а-я]* (?:частот|формат|именовани)/i,
]

/** Whether a sentence in another language than English names a moderation verdict. */
export function isVerdictElsewhere(sentence: string): boolean {
  const chinese = simplifiedChinese(sentence)
  if (CHINESE.some((pattern) => pattern.test(chinese))) return true
  if (ELSEWHERE.some((pattern) => pattern.test(sentence))) return false
  return OTHERS.some((pattern) => pattern.test(sentence))
}
