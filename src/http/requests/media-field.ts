import { isRecord } from '../../upstream/is-record.js'
import { mediaTypeOf } from '../../upstream/media-type.js'
import { isAddress } from './request-fields.js'
import type { RequestProblems } from './request-problems.js'

/** The kind of input in a field. */
export type MediaKind = 'image' | 'video' | 'audio'

/**
 * Reads an input: an address or a data URL, as a text or as `{ url }`. An address is passed on unchanged; the
 * component that fetches it decides whether it may be fetched. Line breaks in a data URL are removed.
 */
export function readMedia(
  problems: RequestProblems,
  field: string,
  value: unknown,
  kind: MediaKind,
): string | undefined {
  const url = isRecord(value) ? value.url : value
  if (typeof url === 'string' && /^data:/i.test(url)) return readDataUrl(problems, field, url, kind)
  if (typeof url === 'string' && isAddress(url)) return url
  return problems.add(field, url, `give an https URL or a data URL of type ${kind}/…`)
}

/** Like {@link readMedia}, but also accepts bare base64: its first bytes give the media type. */
export function readMediaOrBase64(
  problems: RequestProblems,
  field: string,
  value: unknown,
  kind: MediaKind,
): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string' || /^(?:data|https?):/i.test(value)) return readMedia(problems, field, value, kind)
  const data = readBase64(value) ?? ''
  const type = mediaTypeOf(Buffer.from(data.slice(0, 64), 'base64'))
  if (type?.startsWith(`${kind}/`)) return `data:${type};base64,${data}`
  return problems.note({
    field,
    value: 'a text',
    fix: `give the base64 of ${FORMATS[kind]}, a data URL or an https URL`,
  })
}

/** The formats that are recognised by their first bytes. */
export const FORMATS: Readonly<Record<MediaKind, string>> = {
  image: 'a PNG, JPEG, WebP, GIF, AVIF or HEIC image',
  video: 'an MP4, QuickTime or WebM video',
  audio: 'a sound',
}

// The pipeline searches for the comma within this length.
const MAX_HEAD = 200
const SPACE = 0x20
const HEAD = /^data:(image|video|audio)\/[a-z0-9.+-]{1,60}(?:;[\w.+-]{1,30}(?:=[\w."+-]{0,60})?){0,4},/i

function readDataUrl(problems: RequestProblems, field: string, url: string, kind: MediaKind): string | undefined {
  const [head = '', type = ''] = HEAD.exec(url.slice(0, MAX_HEAD)) ?? []
  if (type.toLowerCase() !== kind) return problems.add(field, url, `give a data URL of type ${kind}/…`)
  const isBase64Url = /;base64,$/i.test(head)
  const rest = url.slice(head.length)
  const data = isBase64Url ? readBase64(rest) : rest.replace(/[\t\r\n]+/g, '')
  if (data !== undefined && isPrintable(data)) return `${head}${data}`
  return problems.add(field, url, `give a data URL with valid ${isBase64Url ? 'base64' : 'text'}`)
}

/** Base64 without blanks, and with %2B, %2F and %3D decoded; `undefined` if it is not base64. */
function readBase64(text: string): string | undefined {
  if (!/^[\w+/=% \t\r\n-]*$/.test(text)) return undefined
  if (!/[ \t\r\n]/.test(text)) return text
  // A loop, because a pattern would take seconds for a text of short lines.
  const bytes = Buffer.from(text, 'latin1')
  let length = 0
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? SPACE
    if (byte > SPACE) bytes[length++] = byte
  }
  return bytes.toString('latin1', 0, length)
}

function isPrintable(data: string): boolean {
  return /^[\x20-\x7e]+$/.test(data)
}
