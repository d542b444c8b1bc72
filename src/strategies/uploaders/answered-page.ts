import type { AnswerHeaders } from '../../upstream/answer.js'
import { declaredMediaType } from '../../upstream/media-type.js'

/** Whether an answer is a page, such as one to sign in, at an address whose name is not that of a page. */
export function isPage(headers: AnswerHeaders, url: string): boolean {
  return declaredMediaType(headers) === 'text/html' && !/\.x?html?$/i.test(new URL(url).pathname)
}
