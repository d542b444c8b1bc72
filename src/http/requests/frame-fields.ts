import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import { isRecord } from '../../upstream/is-record.js'
import { jsonOf } from '../../upstream/json-of.js'
import { isFile, isGiven, readImageFile, readSoundFile } from './image-file.js'
import { readMedia } from './media-field.js'
import { otherFieldsOf } from './other-fields.js'
import type { RequestProblems } from './request-problems.js'

/** Fields of the Videos API's dialects for further images and a sound. */
export const FRAME_FIELDS = [
  'last_frame',
  'reference_images',
  'frame_images',
  'input_references',
  'image_reference',
  'audio_reference',
] as const

/** Those of them that are lists; a form repeats their names, with or without `[]`. */
export const LIST_FIELDS: ReadonlySet<string> = new Set([
  'reference_images',
  'frame_images',
  'input_references',
  'image_reference',
])

/** What the fields of the dialects give. */
export type Frames = Pick<VideoRequest, 'image' | 'lastFrame' | 'references' | 'audioInput'>

const IMAGE_KEYS = new Set(['type', 'url', 'image_url', 'frame_type'])

/**
 * Reads the further images of a request: `last_frame` and `reference_images` as LLM Gateway has them, `frame_images` (each with a
 * `frame_type`) and `input_references` (also with an `audio_url`) of OpenRouter and LiteLLM, `image_reference` (several are references) and `audio_reference` of vLLM-Omni. Each is an
 * address, a data URL, an object with `url` or `image_url`, in a form also a file or the JSON text of these.
 *
 * @param image - The first frame of another field, which must not be given twice.
 * @param ignored - Receives the paths of unknown fields of the objects.
 */
export function readFrames(
  problems: RequestProblems,
  fields: ReadonlyMap<string, unknown>,
  { image: known, ignored }: { readonly image: MediaInput | undefined; readonly ignored: string[] },
): Frames {
  const found: { image?: MediaInput; lastFrame?: MediaInput; audioInput?: MediaInput } =
    known === undefined ? {} : { image: known }
  const references: MediaInput[] = []
  const take = (field: 'image' | 'lastFrame' | 'audioInput', path: string, media: MediaInput | undefined) => {
    if (media === undefined) return
    if (found[field] === undefined) found[field] = media
    else problems.note({ field: path, value: 'one more', fix: 'leave it out: it is given by another field' })
  }
  for (const [path, value] of entriesOf(fields, 'frame_images')) {
    const type = isRecord(value) ? (value.frame_type ?? 'first_frame') : 'first_frame'
    if (type !== 'first_frame' && type !== 'last_frame') {
      problems.add(`${path}.frame_type`, type, 'give first_frame or last_frame')
      continue
    }
    take(type === 'first_frame' ? 'image' : 'lastFrame', path, readImage(problems, path, value, ignored))
  }
  const [own, ...more] = entriesOf(fields, 'image_reference')
  // One is the first frame, several are what the video is about.
  const pictures = own === undefined || more.length === 0 ? [] : [own, ...more]
  if (own !== undefined && more.length === 0) take('image', own[0], readImage(problems, ...own, ignored))
  for (const [path, value] of entriesOf(fields, 'last_frame'))
    take('lastFrame', path, readImage(problems, path, value, ignored))
  const lists = [...pictures, ...entriesOf(fields, 'reference_images'), ...entriesOf(fields, 'input_references')]
  for (const [path, value] of lists) {
    if (isRecord(value) && value.audio_url !== undefined) {
      take('audioInput', path, readMedia(problems, `${path}.audio_url`, value.audio_url, 'audio'))
      continue
    }
    const media = readImage(problems, path, value, ignored)
    if (media !== undefined) references.push(media)
  }
  for (const [path, value] of entriesOf(fields, 'audio_reference')) {
    const address = isRecord(value) ? (value.audio_url ?? value.url) : value
    const sound = isFile(value) ? readSoundFile(problems, path, value) : readMedia(problems, path, address, 'audio')
    take('audioInput', path, sound)
  }
  return { ...found, ...(references.length > 0 && { references }) }
}

function entriesOf(
  fields: ReadonlyMap<string, unknown>,
  name: string,
): readonly (readonly [path: string, value: unknown])[] {
  const given = parsed(fields.get(name))
  if (!isGiven(given)) return []
  if (!Array.isArray(given)) return [[name, given]]
  // The whole list may be the text of one field.
  return given.flatMap(parsed).map((value: unknown, index) => [`${name}[${index}]`, value])
}

// A form has no lists and objects.
function parsed(value: unknown): unknown {
  return typeof value === 'string' && /^\s*[[{]/.test(value) ? (jsonOf(value) ?? value) : value
}

function readImage(problems: RequestProblems, path: string, value: unknown, ignored: string[]): MediaInput | undefined {
  if (isFile(value)) return readImageFile(problems, path, value)
  if (!isRecord(value)) return readMedia(problems, path, value, 'image')
  ignored.push(...Object.keys(otherFieldsOf(Object.entries(value), IMAGE_KEYS)).map((name) => `${path}.${name}`))
  return readMedia(problems, `${path}.image_url`, value.image_url ?? value.url, 'image')
}
