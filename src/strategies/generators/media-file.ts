import { describeValue } from '../../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../../contracts/input-errors.js'
import type { MediaInput } from '../../contracts/request.js'
import { extensionOf, mediaTypeOf } from '../../upstream/media-type.js'

/** An input of a request: an address that the upstream fetches, or bytes that are sent. */
export type MediaFile =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'file'; readonly bytes: Uint8Array; readonly mediaType: string; readonly name: string }

/**
 * Reads an input of a request. Bytes and data URLs are checked by their first bytes, which also decide the media type.
 *
 * @param kind - The required kind of the bytes.
 * @param field - The name of the input in messages.
 * @throws InvalidRequestError for a text that is neither an http address nor a data URL, and for bytes of another kind.
 */
export function readMediaFile(input: MediaInput, kind: 'image' | 'video', field: string = kind): MediaFile {
  if (typeof input !== 'string') return fileOf(input.bytes, input.mediaType, { kind, field })
  if (/^https?:\/\//i.test(input) && URL.canParse(input)) return { kind: 'url', url: input }
  const { bytes, declared } = dataOf(input, field)
  return fileOf(bytes, declared, { kind, field })
}

/** The data URL of a file, for upstreams that accept only JSON. */
export function dataUrlOf({ bytes, mediaType }: Extract<MediaFile, { kind: 'file' }>): string {
  return `data:${mediaType};base64,${Buffer.from(bytes).toString('base64')}`
}

/** An input as text: its address, or a data URL of its bytes. */
export function mediaText(input: MediaInput, kind: 'image' | 'video', field: string = kind): string {
  const file = readMediaFile(input, kind, field)
  return file.kind === 'url' ? file.url : dataUrlOf(file)
}

/** A sound as text: its address, or a data URL of its bytes, which are not checked. */
export function soundText(input: MediaInput): string {
  return typeof input === 'string' ? input : dataUrlOf({ kind: 'file', name: 'audio', ...input })
}

/** A sound as a file, whose bytes are not checked; its address otherwise. */
export function soundFile(text: string): MediaFile {
  if (/^https?:\/\//i.test(text)) return { kind: 'url', url: text }
  const data = dataOf(text, 'audioInput')
  const mediaType = data.declared.toLowerCase() || 'application/octet-stream'
  return { kind: 'file', bytes: data.bytes, mediaType, name: `audio${extensionOf(mediaType)}` }
}

function fileOf(
  bytes: Uint8Array,
  declared: string,
  { kind, field }: { readonly kind: 'image' | 'video'; readonly field: string },
): MediaFile {
  const mediaType = mediaTypeOf(bytes)
  if (mediaType?.startsWith(`${kind}/`))
    return { kind: 'file', bytes, mediaType, name: `${kind}${extensionOf(mediaType)}` }
  const seen = mediaType ?? (bytes.byteLength === 0 ? 'empty' : 'of an unknown kind')
  throw refused(
    field,
    `${declared || 'untyped'} data that is ${seen}`,
    `give the bytes of ${kind === 'image' ? 'a PNG, JPEG, WebP, GIF, AVIF or HEIC image' : 'an MP4, QuickTime or WebM video'}`,
  )
}

function dataOf(input: string, field: string): { readonly bytes: Uint8Array; readonly declared: string } {
  const match = /^data:([^,;]*)((?:;[^,;]*)*),/i.exec(input)
  if (match === null) throw refused(field, input, 'give an https address, a data URL or bytes')
  const data = input.slice(match[0].length)
  const isBase64 = /;\s*base64\s*$/i.test(match[2] ?? '')
  return { bytes: isBase64 ? decodeBase64(data, field) : decodePercent(data, field), declared: match[1] ?? '' }
}

function decodeBase64(data: string, field: string): Uint8Array {
  const compact = decodeURIComponentSafely(data, field).replace(/\s+/g, '')
  if (!/^[\w+/-]*={0,2}$/.test(compact)) throw refused(field, 'data:…', 'give a data URL with valid base64')
  return new Uint8Array(Buffer.from(compact, 'base64'))
}

function decodePercent(data: string, field: string): Uint8Array {
  const bytes = data.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  if (/[^\0-\xff]/.test(bytes)) throw refused(field, 'data:…', 'give a data URL in ASCII')
  return new Uint8Array(Buffer.from(bytes, 'latin1'))
}

function decodeURIComponentSafely(data: string, field: string): string {
  try {
    return data.includes('%') ? decodeURIComponent(data) : data
  } catch {
    throw refused(field, 'data:…', 'give a data URL with valid base64')
  }
}

function refused(field: string, value: string, fix: string): InvalidRequestError {
  const shown = value.startsWith('data:') ? 'data:…' : value
  const problem: InputProblem = { field, value: describeValue(shown), fix }
  return new InvalidRequestError([problem])
}
