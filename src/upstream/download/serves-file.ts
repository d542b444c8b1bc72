import { UpstreamHttpError, UpstreamResponseError } from '../../contracts/upstream-errors.js'
import { abortable } from '../abortable.js'
import { discard } from '../body-text.js'
import { isEncoded } from '../content-range.js'
import { declaredMediaType, mediaTypeOf } from '../media-type.js'
import { hostOf } from '../network-failure.js'
import type { Download, Downloader } from './download.js'

/** An address that is expected to serve a file. */
export interface ServedFile {
  readonly url: string
  /** Whether a page of the same host is accepted as well. A redirect to another host is treated as a sign-in page. */
  readonly isPage: boolean
  readonly signal: AbortSignal
}

const WHAT = 'open the copy'
const A_PAGE = 'a page'
const PAGE = /^(?:text\/html|application\/xhtml\+xml)$/
// `{` and `[`: no video begins with one of them, whatever type is declared.
const JSON_BYTES: ReadonlySet<number> = new Set([0x7b, 0x5b])
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json$/

/**
 * Requests the first byte of an address, without credentials. An abort closes the connection.
 * @throws UpstreamHttpError for any status but 200 and 206.
 * @throws UpstreamResponseError when the content is a page, JSON or empty.
 * @throws NetworkError when no answer came, and (not retryable) when the address may not be reached.
 */
export async function servesFile(download: Downloader, { url, isPage, signal }: ServedFile): Promise<void> {
  const answer = await download(url, { what: WHAT, headers: { range: 'bytes=0-0' }, signal })
  const { status, body } = answer
  const host = hostOf(answer.url.href)
  try {
    if (status !== 200 && status !== 206)
      throw new UpstreamHttpError(`Could not ${WHAT}: ${host} answered ${status}`, { status, url: answer.url.href })
    const served = await servedBy(answer, signal)
    if (served !== undefined && !(isPage && served === A_PAGE))
      throw new UpstreamResponseError(`Could not ${WHAT}: ${host} serves ${served}`, { url: answer.url.href })
    if (served === A_PAGE && answer.url.host !== new URL(url).host) {
      const message = `Could not ${WHAT}: ${hostOf(url)} leads to a page of ${host}`
      throw new UpstreamResponseError(message, { url: answer.url.href })
    }
  } finally {
    discard(body)
  }
}

// The kind of content that is not a file; `undefined` if it may be a file.
async function servedBy({ headers, body }: Download, signal: AbortSignal): Promise<string | undefined> {
  const declared = declaredMediaType(headers)
  if (declared !== undefined && PAGE.test(declared)) return A_PAGE
  if (declared !== undefined && JSON_TYPE.test(declared)) return 'JSON'
  // The first byte of an encoded body proves nothing.
  if (isEncoded(headers) || body === null) return undefined
  const reader = body.getReader()
  try {
    const { value } = await abortable(signal, reader.read())
    if (value === undefined) return 'nothing'
    if (mediaTypeOf(value) === 'text/html') return A_PAGE
    return JSON_BYTES.has(value[0] ?? 0) ? 'JSON' : undefined
  } finally {
    reader.releaseLock()
  }
}
