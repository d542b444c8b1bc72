import type { MediaInput } from '../../contracts/request.js'
import { isRecord } from '../../upstream/is-record.js'
import { isFile, isGiven, readImageFile } from './image-file.js'
import { readMedia } from './media-field.js'
import { otherFieldsOf } from './other-fields.js'
import type { RequestProblems } from './request-problems.js'

const FIELD = 'input_reference'
const OBJECT_FIELDS = new Set(['image_url', 'file_id'])
const NO_FILE_ID = 'give image_url instead, an https URL or a data URL: this server keeps no files'

/**
 * Reads the reference image of a request of the Videos API: a file, an address or data URL, or an object with
 * `image_url`, which a form writes as `input_reference[image_url]`. The media type of a file is that of its first
 * bytes, else the declared one.
 * @param ignored - Receives the paths of unknown fields of such an object.
 */
export function readReference(
  problems: RequestProblems,
  fields: ReadonlyMap<string, unknown>,
  ignored: string[],
): MediaInput | undefined {
  const [whole, address, fileId] = [FIELD, `${FIELD}[image_url]`, `${FIELD}[file_id]`].map((name) => fields.get(name))
  if (isGiven(fileId)) return problems.add(`${FIELD}[file_id]`, fileId, NO_FILE_ID)
  if (isGiven(whole) && isGiven(address)) {
    return problems.add(`${FIELD}[image_url]`, address, `leave it out: ${FIELD} is given`)
  }
  if (isGiven(address)) return readMedia(problems, `${FIELD}[image_url]`, address, 'image')
  if (!isGiven(whole)) return undefined
  if (isFile(whole)) return readImageFile(problems, FIELD, whole)
  return isRecord(whole) ? readObject(problems, whole, ignored) : readMedia(problems, FIELD, whole, 'image')
}

function readObject(
  problems: RequestProblems,
  reference: Readonly<Record<string, unknown>>,
  ignored: string[],
): string | undefined {
  const others = Object.keys(otherFieldsOf(Object.entries(reference), OBJECT_FIELDS))
  ignored.push(...others.map((name) => `${FIELD}.${name}`))
  const { image_url: address, file_id: fileId } = reference
  if (isGiven(fileId)) return problems.add(`${FIELD}.file_id`, fileId, NO_FILE_ID)
  return readMedia(problems, `${FIELD}.image_url`, address, 'image')
}
