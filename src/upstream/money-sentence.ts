import { plainSentence, simplifiedChinese } from './plain-sentence.js'

// Money that is used up: of the account, of its prepaid credits, or of its budget.
const MONEY: readonly RegExp[] = [
  /\b(balance|credits?|funds|quota) (is |are )?(not enough|insufficient|exhausted)|\b(exhausted|insufficient|overdue) (\w+ )?(balance|credits?|funds|quota)|\bbudget (?:has been |was |is )?exceeded|TokenStatusExhausted/i,
  /n[o']?t (have )?\w+ credits|(?:not|n't) have (?:enough|sufficient|an[y]) (?:\w+ )?(?:balance|funds|quota|credits?)|\b(?:no|zero|0) (?:more |remaining |available )(?:credits?|balance|funds|quota)\b|\bno (?:credits?|funds|quota) (?:left|remaining|available)|\bnot enough (?:\w+ )?(?:credits?|balance|funds|quota)/i,
  /\b(?:(?:used|spent|consumed) (?:up )?all|used up|r[au]n out of|out of|exhausted|depleted)(?: (?:of|the|your|its|their|available|remaining|free|prepaid|trial|monthly|\w+'s)){0,4} (?:credits?|balance|budget|funds)\b/i,
  /\b(?:credits?|balance|funds) (?:\w+ )?(?:is|are|was|were|has been|have been) (?:\w+ )?(?:too low|negative|zero|empty|depleted|used up|exhausted)\b|\bnegative (?:account )?balance|\blow (?:credit )?balance/i,
  /\ball (?:\w+ )?credits (?:are |were |have been )?used\b|\b(?:credits?|balance|funds) (?:has |have |is |are )?(?:\w+ )?(?:expired|depleted|exhausted|used up)\b/i,
  /\bover[- ]budget\b|exceeded(?:\w{1,20})?budget\b|\b(?:exceed(?:s|ed)|crossed)(?: (?:the|your|its|their|max|maximum|daily|monthly|team|user|key|project|allowed)){0,4} budget\b|\b(?:monthly|daily|weekly|max) budget (?:reached|exceeded|exhausted|used up)|\bbudget (?:[\w-]+ ){0,4}(?:was|is|has been) (?:exceeded|exhausted|used up|spent|reached)/i,
  /\bin arrears\b|\boverdue (?:payment|bill|invoice)|\bunpaid (?:invoice|bill|balance)|\bpayment (?:is |was )?(?:required|overdue|declined|past due)|\bbilling (?:is )?(?:not (?:enabled|active)|disabled|inactive)|\brequires billing|\bcheck your (?:plan and )?billing/i,
  /(?:余额|额度|积分|点数|算力|配额|资源包|流量包|预算)(?:已经?)?(?:不足|不够|用尽|用完|用光|耗尽|超出|超限|达到上限|过期)|额度(?:失败|为 ?0)|免费(?:额度|试用)[^。;,]{0,8}(?:用完|用尽|耗尽|结束|到期)|余额为(?:0|零|负)|(?:套餐|会员|订阅|授权)[^。;,]{0,4}(?:到期|过期|用完)|欠费|请(?:先|及时)?充值|请储值/,
  /(?:残高|クレジット|ポイント|予算|利用枠)[^。]{0,8}(?:不足|足り(?:ない|ません)|ありません|使い切|使い果|残ってい(?:ない|ません)|超過|超え)|チャージしてください/,
  /(?:잔액|크레딧|포인트|예산|잔고)[^.]{0,6}(?:부족|소진|모두 사용|초과|남아 ?있지)|충전해 ?주/,
  /(?:guthaben|credits|kredit\w*|budget)\b[^.]{0,30}(?:aufgebraucht|reicht nicht|reichen nicht|nicht ausreichend|unzureichend|erschopft|leer|uberschritten|verbraucht)|(?:nicht genugend|nicht genug|unzureichendes|kein) (?:guthaben|credits)/i,
  /(?:solde|credits?|budget)\b[^.]{0,20}(?:insuffisant|epuise|depasse)|(?:plus|pas assez) de (?:credits?|solde)/i,
  /(?:saldo|creditos?|presupuesto|orcamento|credit[oi]|budget)\b[^.]{0,20}(?:insuficiente|insufficient|agotad|esgotad|esaurit|excedid|superad)|no (?:hay|tiene|dispone de) (?:suficientes? )?(?:creditos|saldo)/i,
  /(?:недостаточно|закончил[а-я]*|исчерпан[а-я]*|не хватает)[^.]{0,20}(?:средств|баланс|кредит)|(?:средств|баланс|кредит)[а-я]*[^.]{0,15}(?:недостаточно|закончил|исчерпан|не хватает)/i,
]

// Limits of what an account may spend or use, unless the sentence is about a rate.
const LIMITS: readonly RegExp[] = [
  /\b(?:spend(?:ing)?|billing|budget|monthly|credit|key|plan|subscription|account) (?:(?:hard|soft|usage|spend(?:ing)?|request|generation|video|credit)s? )?(?:limit|cap)\b[^.]{0,30}\b(?:reached|exceeded|hit)\b/i,
  /\b(?:reached|exceeded|hit|over|above)(?: (?:your|the|its|their|this|monthly|daily|weekly|account|team|project|organi[sz]ation|hard|soft|\w+'s)){0,5} (?:spend(?:ing)?|billing|budget|monthly|credit|usage)(?: \w+)? ?(?:limit|cap)\b/i,
  /\bquota (?:has been |was |is |limit )?(?:exceeded|exhausted|depleted|used up|reached)\b|\bexceed(?:s|ed)(?: (?:the|your|its|their|current|allocated|monthly|daily|project|account|free|trial|tier|usage)){0,5} quota\b|\bout of quota\b/i,
  /\bfree (?:tier|trial|quota|credits?|allowance)\b[^.]{0,40}\b(?:exhausted|exceeded|used up|expired|ended|depleted)\b|\b(?:resource package|package|subscription|plan|membership) (?:has |is )?(?:\w+ )?(?:depleted|exhausted|used up|expired|ended)\b/i,
  /(?:할당량|쿼터|월 ?한도|사용 ?한도)[^.]{0,6}(?:초과|소진)|(?:利用|使用)(?:上限|限度)[^。]{0,4}(?:達|超)|kontingent\w*[^.]{0,20}(?:erschopft|aufgebraucht|uberschritten)|ausgabenlimit|plafond de depenses|limite de gasto|quota (?:\w+ )?(?:depasse|epuise)|cuota (?:\w+ )?(?:agotada|superada|excedida)|(?:superado|excedido|agotado) (?:su|la) cuota/i,
]
const RATE =
  /\brate[-_ ]?limit|too many requests|\bthrottl|per[-_ ]?(?:minute|second|hour|min\b|sec\b)|(?:^|[\W_])requests?[_ ]per|\b[rt]p[ms]\b|\bqps\b|concurren|频率|并发|限流|レート|同時|속도|동시|gleichzeitig|simultan/i

// What follows is the echo of something large.
const LONGEST = 20_000

/** Whether a sentence reports that the money, the credits or the quota of an account is used up. */
export function isMoneySentence(message: string): boolean {
  const sentence = simplifiedChinese(plainSentence(message.slice(0, LONGEST)))
  const isAboutRate = RATE.test(sentence)
  // The limit of tasks at a time is a quota in name only.
  if (isAboutRate && /并发(?:配额|额度)/.test(sentence)) return false
  return (
    MONEY.some((pattern) => pattern.test(sentence)) || (!isAboutRate && LIMITS.some((limit) => limit.test(sentence)))
  )
}
