import type { PipelineResultJson } from '../contracts/result.js'
import { wellFormed } from './plain-text.js'

/**
 * Format of the answer of a completion.
 * - `url`: the bare URL, unchanged.
 * - `markdown`: `[video](https://cdn.example/a.mp4)`.
 * - `html`: `<video src="https://cdn.example/a.mp4" controls></video>`, for clients that render HTML.
 * - `html-fenced`: the same with single quotes in a fenced `html` block, as sora2api responds.
 * - a function of the result. If it throws or does not return a text, the bare URL is used, so that a completed run always
 *   answers with a URL.
 */
export type AnswerFormat = 'url' | 'markdown' | 'html' | 'html-fenced' | ((result: PipelineResultJson) => string)

/**
 * The answer for a result. Only http(s) URLs become markup, normalised and with every character encoded that could end the
 * markup; any other URL stays text.
 */
export function answerContent(format: AnswerFormat, result: PipelineResultJson): string {
  const { url } = result
  if (typeof format === 'function') return wellFormed(customContent(format, result))
  if (format === 'url') return wellFormed(url)
  const address = webAddress(url)
  if (address === undefined) return encodeMarkup(wellFormed(url))
  switch (format) {
    case 'markdown':
      return `[video](${address})`
    case 'html':
      return `<video src="${address.replaceAll('&', '&amp;')}" controls></video>`
    case 'html-fenced':
      // The block is code, so `&` stays: readers of this form use the text between the quotes unchanged.
      return `\`\`\`html\n<video src='${address}' controls></video>\n\`\`\``
  }
}

function customContent(format: (result: PipelineResultJson) => string, result: PipelineResultJson): string {
  try {
    const content: unknown = format(result)
    return typeof content === 'string' ? content : result.url
  } catch {
    // A degraded result lacks fields that the function may expect; the paid URL must not be lost to that.
    return result.url
  }
}

function webAddress(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { href, protocol, host } = new URL(url)
  if (protocol !== 'https:' && protocol !== 'http:') return undefined
  // Only the brackets of an IPv6 host must stay.
  return encodeMarkup(href).replace(encodeMarkup(host), host)
}

function encodeMarkup(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s"'`<>()[\]\\]/gu, percentEncoded)
}

function percentEncoded(character: string): string {
  return Array.from(new TextEncoder().encode(character), (byte) => `%${byte.toString(16).padStart(2, '0')}`)
    .join('')
    .toUpperCase()
}
