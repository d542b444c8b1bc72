import type { AnswerHeaders } from './answer.js'

/** How many first bytes {@link mediaTypeOf} reads. */
export const SIGNATURE_BYTES = 32

/**
 * The media type that the first bytes identify, such as `video/mp4` for `ftyp` at byte 4; `text/html` and
 * `application/json` for content that starts like a page or JSON; `undefined` for anything else.
 */
export function mediaTypeOf(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.subarray(0, SIGNATURE_BYTES)).toString('latin1')
  if (head.slice(4, 8) === 'ftyp') return brandType(head.slice(8, 12))
  // QuickTime from before `ftyp` existed.
  if (/^(?:moov|mdat|wide|free|skip|pnot)$/.test(head.slice(4, 8))) return 'video/quicktime'
  if (head.startsWith('RIFF') && head.slice(8, 11) === 'AVI') return 'video/x-msvideo'
  if (head.startsWith('\x1aE\xdf\xa3')) return 'video/webm'
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png'
  if (head.startsWith('\xff\xd8\xff')) return 'image/jpeg'
  if (head.startsWith('GIF8')) return 'image/gif'
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return 'image/webp'
  const text = head.replace(/^\xef\xbb\xbf/, '').trimStart()
  if (text.startsWith('<')) return 'text/html'
  return text.startsWith('{') || text.startsWith('[') ? 'application/json' : undefined
}

/** The media type of a `Content-Type` value, in lower case and without parameters; `undefined` if missing. */
export function declaredMediaType(headers: AnswerHeaders): string | undefined {
  const type = headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  return type === undefined || type === '' || /^(application|binary)\/octet-stream$/.test(type) ? undefined : type
}

/** The usual extension of a media type, such as `.mp4`; `.bin` for an unknown one. */
export function extensionOf(mediaType: string): string {
  const known: Readonly<Record<string, string>> = {
    'video/mp4': '.mp4',
    'video/webm': '.webm',
    'video/quicktime': '.mov',
    'image/png': '.png',
    'image/jpeg': '.jpg',
    'image/gif': '.gif',
    'image/webp': '.webp',
    'image/avif': '.avif',
    'image/heic': '.heic',
    'audio/mpeg': '.mp3',
    'audio/mp3': '.mp3',
    'audio/wav': '.wav',
    'audio/x-wav': '.wav',
    'audio/wave': '.wav',
    'audio/mp4': '.m4a',
    'audio/x-m4a': '.m4a',
    'audio/aac': '.aac',
    'audio/ogg': '.ogg',
    'audio/flac': '.flac',
    'audio/webm': '.weba',
  }
  return known[mediaType] ?? '.bin'
}

function brandType(brand: string): string {
  if (brand === 'avif' || brand === 'avis') return 'image/avif'
  if (brand === 'heic' || brand === 'heix' || brand === 'mif1') return 'image/heic'
  return brand === 'qt  ' ? 'video/quicktime' : 'video/mp4'
}
