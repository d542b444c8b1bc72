import { isRecord } from '../../upstream/is-record.js'
import { FRAME_FIELDS } from './frame-fields.js'
import { isFile, isGiven } from './image-file.js'
import { type RequestProblems, requestProblems } from './request-problems.js'

/** A field that a request does not read, although the video would be another one with it. */
export interface MeaningfulField {
  readonly name: string
  readonly value: unknown
  /** Which field to give instead. */
  readonly fix: string
}

const FIRST_FRAME =
  'image imageurl inputimage inputimageurl firstframe firstframeimage firstframeurl startframe startimage referenceurl'
// Names of other APIs, in lower case and without separators, and the field of this one.
const SYNONYMS: ReadonlyMap<string, string> = new Map([
  ...FIRST_FRAME.split(' ').map((name) => [name, 'input_reference'] as const),
  ...['duration', 'durationseconds', 'durationsecs'].map((name) => [name, 'seconds'] as const),
  ['audiourl', 'audio_reference'],
  ['generateaudio', 'audio'],
  ['generatesound', 'audio'],
])

const FIXES: readonly (readonly [names: string, fix: string])[] = [
  [
    'images imageurls imagelist references referenceimage referenceimageurl referenceimageurls referenceimagesurl referenceurls',
    'give input_reference for the first frame, or reference_images',
  ],
  ['endframe endimage lastimage lastframeimage lastframeurl lastframe tailimage imagetail', 'give last_frame'],
  ['audioinput inputaudio audiofile sound soundurl', 'give audio_reference'],
  [
    'video videourl inputvideo sourcevideo videoreference referencevideo referencevideos',
    'send it to POST /v1/videos/edits or /v1/videos/extensions',
  ],
  [
    'remixid remixof remixvideoid remixtargetid remixedfromvideoid previousvideoid',
    'send the prompt to POST /v1/videos/{id}/remix',
  ],
  [
    'storyboard shots multiprompt multishots',
    'leave it out, and send lines such as [5.0s] sunrise as the message of POST /v1/chat/completions',
  ],
  ['characters', 'leave it out: this server has no characters'],
  ['resolution', 'give size, such as 1280x720'],
]
const REFUSED: ReadonlyMap<string, string> = new Map(
  FIXES.flatMap(([names, fix]) => names.split(' ').map((name) => [name, fix] as const)),
)
// A field of any such name counts as media where its value is an address or a file, also in a list or an object.
const MEDIA_NAME = /image|img|frame|video|audio|sound|reference|control|mask|pose|motion|character/
const ADDRESS = /^(?:https?:|data:)/i
const COUNTS = new Set(
  'n numvideos numberofvideos samplecount numoutputs numresults numoutputsperprompt numvideosperprompt count batchsize'.split(
    ' ',
  ),
)
const MEDIA: ReadonlySet<string> = new Set(['input_reference', ...FRAME_FIELDS])

/** The field of this API with the meaning of a field of another name, and its value; `undefined` if it has none. */
export function synonymOf(name: string, value: unknown): readonly [field: string, value: unknown] | undefined {
  const plain = plainName(name)
  if (plain === 'resolution') return /^\d+x\d+$/.test(String(value)) ? ['size', value] : undefined
  const field = isGiven(value) ? SYNONYMS.get(plain) : undefined
  if (field === undefined) return undefined
  const isAddress = field === 'input_reference' && isRecord(value) && typeof value.url === 'string'
  return [field, isAddress ? value.url : value]
}

/** Which field to give instead of one that is not read, if the video would be another one with it. */
export function fixOf(name: string, value: unknown): string | undefined {
  const isEmpty = !isGiven(value) || value === false || (Array.isArray(value) && value.length === 0)
  const plain = plainName(name)
  if (isEmpty) return undefined
  if (COUNTS.has(plain)) return String(value) === '1' ? undefined : 'give 1: one request makes one video'
  const synonym = synonymOf(name, value)?.[0]
  if (MEDIA.has(name.replace(/\[.*$/, ''))) return 'leave it out: this route has no such field'
  if (synonym !== undefined) return `give ${synonym}`
  const fix = 'leave it out: no field of this API has its meaning'
  return REFUSED.get(plain) ?? (MEDIA_NAME.test(plain) && isMedia(value) ? fix : undefined)
}

function isMedia(value: unknown): boolean {
  if (typeof value === 'string') return ADDRESS.test(value.trim())
  if (isFile(value)) return true
  return typeof value === 'object' && value !== null && Object.values(value).some(isMedia)
}

/**
 * Refuses fields that were not read.
 * @throws InvalidRequestError naming each of them, and the field to give instead.
 */
export function refuseMeaningful(fields: readonly MeaningfulField[], problems: RequestProblems = requestProblems()) {
  for (const { name, value, fix } of fields) problems.add(name, value, fix)
  problems.throwIfAny()
}

function plainName(name: string): string {
  return name.replace(/\[.*$/, '').replace(/[-_]/g, '').toLowerCase()
}
