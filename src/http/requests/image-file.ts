import { describeValue } from '../../contracts/errors.js'
import type { MediaInput } from '../../contracts/request.js'
import { isRecord } from '../../upstream/is-record.js'
import { mediaTypeOf } from '../../upstream/media-type.js'
import type { FormFile } from './form-body.js'
import { FORMATS } from './media-field.js'
import type { RequestProblems } from './request-problems.js'

/** Whether a value is a file of a form. JSON contains no bytes. */
export function isFile(value: unknown): value is FormFile {
  return isRecord(value) && value.bytes instanceof Uint8Array
}

/** Whether a field has a value. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== ''
}

/** The image in a file of a form. Its media type is that of its first bytes, else the declared one. */
export function readImageFile(
  problems: RequestProblems,
  field: string,
  { bytes, mediaType: declared }: FormFile,
): MediaInput | undefined {
  const mediaType = mediaTypeOf(bytes) ?? declared
  if (bytes.byteLength > 0 && /^image\/[a-z0-9.+-]+$/.test(mediaType)) return { bytes, mediaType }
  const seen = bytes.byteLength === 0 ? 'an empty file' : `a file of the type ${describeValue(mediaType)}`
  return problems.note({ field, value: seen, fix: `give the file of ${FORMATS.image}` })
}

/** The sound in a file of a form. Some containers hold a video or a sound, as the declared type says. */
export function readSoundFile(
  problems: RequestProblems,
  field: string,
  { bytes, mediaType: declared }: FormFile,
): MediaInput | undefined {
  const found = mediaTypeOf(bytes)
  const isContainer = found === undefined || /^(?:video|application)\//.test(found)
  const mediaType = isContainer ? declared : found
  if (bytes.byteLength > 0 && /^audio\/[a-z0-9.+-]+$/.test(mediaType)) return { bytes, mediaType }
  const seen = bytes.byteLength === 0 ? 'an empty file' : `a file of the type ${describeValue(mediaType)}`
  return problems.note({ field, value: seen, fix: `give the file of ${FORMATS.audio}` })
}
