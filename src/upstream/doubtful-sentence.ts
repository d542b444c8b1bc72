// The gateway did not reach the service behind it.
const NOT_SENT =
  /reset reason: (?:connection failure|connection timeout|overflow|remote refused stream)|no healthy upstream|\bECONNREFUSED\b|connection (?:was )?refused|\bENOTFOUND\b|getaddrinfo|(?:could not|failed to|unable to|can(?:no|')t) (?:connect|resolve)|connect(?:ion)? time[ -]?out|no route to host/i

const CONNECTION =
  /\b(?:connection|socket|stream)\b.{0,30}\b(?:reset|lost|closed|terminated|aborted|broken)\b|\bECONNRESET\b|\bEPIPE\b|broken pipe|socket hang ?up|\bEOF\b|连接(?:被)?(?:重置|断开|中断)/i

const TRANSPORT: readonly RegExp[] = [
  /reset reason:|\bdisconnect\/reset before headers\b/i,
  /\btimed[ _-]?out\b|\b(?:request|response|upstream|gateway|read|i\/o|server|worker)[ _-]?time[ _-]?out\b|\btime[ _-]?out (?:error|exceeded|after|while|waiting)|\bdeadline[ _]exceeded|\bE(?:SOCKET)?TIMEDOUT\b|超时|タイムアウト|시간 ?초과/i,
  CONNECTION,
  /\bbad[ _]response[ _]status[ _]code\W{0,3}(?:5\d\d|408)\b|\b(?:invalid|malformed|empty|unreadable) response\b.{0,40}\b(?:upstream|server)|failed to (?:parse|decode|read|unmarshal)\b.{0,30}\bresponse|\bbad_response_body\b/i,
  /\bmay (?:still|already|have)\b|\b(?:was|already|been) submitted\b|可能已|已(?:经)?提交/i,
  /\b(?:task|job|video)[_ ]?id (?:is |was )?(?:empty|missing|null|blank)\b|\bempty[_ ](?:task|job|video)[_ ]?id\b/i,
]

const INTERNAL =
  /^\W*(?:error:? )?(?:(?:an? )?(?:unknown |unexpected )?internal (?:server |service |system )?error|bad gateway|gateway time-?out|system error|server error)\b|系统(?:内部)?(?:异常|错误)|(?:服务|服务器|服务端)?内部(?:错误|异常)|サーバー(?:内部)?エラー|내부 ?(?:서버 ?)?오류/i
const INTERNAL_WORD =
  /^(?:internal(?:[_ ]?(?:server|service|system))?(?:[_ ]?error)?|bad[_ ]?gateway|gateway[_ ]?timeout|deadline[_ ]?exceeded|server[_ ]?exception)$/i

/**
 * Whether the words of an error report that the service behind a gateway was reached, so that it may have accepted the submission:
 * its answer was late, lost or could not be read.
 */
export function losesAnswer(texts: readonly string[]): boolean {
  if (texts.some((text) => NOT_SENT.test(text))) return false
  return texts.some((text) => TRANSPORT.some((pattern) => pattern.test(text)))
}

/** Whether a sentence reports the loss of an open connection. */
export function losesConnection(sentence: string): boolean {
  return CONNECTION.test(sentence) && !NOT_SENT.test(sentence)
}

/** Whether the words of an error report a fault inside the service, which may have come after it accepted the submission. */
export function reportsFault(sentence: string, words: readonly string[]): boolean {
  return INTERNAL.test(sentence) || words.some((word) => INTERNAL_WORD.test(word.trim()))
}

// Of a gateway that did not get an answer, in words that a submission is not judged by.
const UNREACHED =
  /\b(?:service|server|upstream|backend) (?:is )?(?:temporarily )?(?:unavailable|unreachable|overloaded)\b|\btemporarily unavailable\b|\bfetch failed\b|\bdo request failed\b|\bnetwork error\b|\bserver had an error\b|服务(?:器)?(?:暂时)?不可用|网络(?:错误|异常)/i

/** Whether the words of an answer to a query are about its transport or its server, and not about what was asked for. */
export function isOfTransport(sentence: string, words: readonly string[]): boolean {
  const texts = [sentence, ...words]
  return (
    texts.some((text) => NOT_SENT.test(text) || UNREACHED.test(text)) ||
    losesAnswer(texts) ||
    reportsFault(sentence, words)
  )
}
