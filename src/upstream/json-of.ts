/** What a text says as JSON; `undefined` for one that is not JSON, such as a page. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // Whoever asks takes it as a text, or looks elsewhere.
  }
}
