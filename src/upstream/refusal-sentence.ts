// The exact texts that sora2api and its forks send under HTTP 500 when they accepted nothing (facts: their source). A
// text around one of these may quote a refusal by another service after the job was accepted, so each must be the
// whole message.
const SENTENCES: readonly RegExp[] = [
  /^No available (?:Pro )?(?:tokens|accounts|models)(?: for (?:video|image) generation)?(?:\. (?:All|Please) [\w ,'’()-]{1,240})?\.?$/i,
  /^No available tokens for (?:Pro|Sora ?2 ?Pro) (?:video|image) generation(?:\. (?:All|Please) [\w ,'’()-]{1,240})?\.?$/i,
  /^(?:400: )?Invalid model: [\w.:/-]{1,100}$/i,
  /^(?:400: )?(?:Messages|Prompt) (?:cannot|can't|must not) be empty\.?$/i,
  /^We['’]re under heavy load, please try again later\.?$/i,
  /^(?:40[13]: )?(?:Invalid API key|Not authenticated)\.?$/i,
]

/** Whether a message alone proves that a submission was not accepted, whatever the status. */
export function provesRefusal(message: string): boolean {
  const text = message.trim()
  return SENTENCES.some((sentence) => sentence.test(text))
}
