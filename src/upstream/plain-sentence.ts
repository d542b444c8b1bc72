const ACCENTS = /[\u0300-\u036f]/g
// Characters of traditional Chinese in the words of refusals, and their simplified forms.
const TRADITIONAL =
  '違規審內權護範則過詞觸發風險黃資訊臉實業額餘點數請頻斷連錯誤時鑰無涉檢測圖敗視戶號帳凍結絕訪問務統攔隱產費儲'
const SIMPLIFIED =
  '违规审内权护范则过词触发风险黄资讯脸实业额余点数请频断连错误时钥无涉检测图败视户号账冻结绝访问务统拦隐产费储'
const TRADITIONAL_CHARACTER = new RegExp(`[${TRADITIONAL}]`, 'g')
const SIMPLER: ReadonlyMap<string, string> = new Map(
  [...TRADITIONAL].map((character, index) => [character, [...SIMPLIFIED][index] ?? character]),
)

/**
 * A sentence without what differs between spellings of the same words: accents, `ß`, and wide or narrow forms. Kana and
 * Hangul keep their marks.
 */
export function plainSentence(message: string): string {
  return message.normalize('NFD').replace(ACCENTS, '').normalize('NFKC').replace(/ß/g, 'ss').replace(/[’‘]/g, "'")
}

/** Chinese text in simplified characters. */
export function simplifiedChinese(text: string): string {
  return text.replace(TRADITIONAL_CHARACTER, (character) => SIMPLER.get(character) ?? character)
}
