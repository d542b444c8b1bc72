import type { JsonObject } from '../../../contracts/json.js'
import type { VideoRequest } from '../../../contracts/request.js'
import type { StageContext } from '../../../contracts/stage.js'
import { mediaText, soundText } from '../media-file.js'
import type { RequestField } from '../unsupported-field.js'
import type { FurtherMedia } from './dialect.js'

/** The fields of a request for what a video follows beside its first frame. */
export const FURTHER_FIELDS = ['lastFrame', 'references', 'audioInput'] as const

/** Those of them that a submission sends. */
export type FurtherFields = readonly (typeof FURTHER_FIELDS)[number][]

/**
 * Refuses what the server would drop or read otherwise: references beside frames, a sound beside frames, a last frame alone, and any
 * of them beside a video.
 */
export function refuseLostMedia(
  request: VideoRequest,
  sent: FurtherFields,
  {
    further,
    base,
    refuse,
  }: {
    readonly further: FurtherMedia | undefined
    readonly base: 'prompt' | 'video' | 'remixOf'
    readonly refuse: (field: RequestField, fix: string) => unknown
  },
): void {
  if (base !== 'prompt') {
    for (const field of sent) refuse(field, `leave it out: ${base} is given, and keeps its own images and sound`)
    return
  }
  const frame = (['image', 'lastFrame'] as const).find((field) => request[field] !== undefined)
  if (frame === undefined) return
  const excluded = sent.filter(
    (field) => field === 'references' || (field === 'audioInput' && !further?.soundWithFrames),
  )
  for (const field of excluded) refuse(field, `leave it out: ${frame} is given, and the server reads only one of them`)
  if (frame === 'lastFrame' && further?.needsFirstFrame === true)
    refuse('lastFrame', 'give image as well: the server reads a single image as the first frame')
}

/** The fields of the server for these fields of a request, and for its first frame. */
export function furtherFields(request: VideoRequest, sent: FurtherFields, { fieldsOf }: FurtherMedia): JsonObject {
  const { image, lastFrame, references = [], audioInput } = request
  const has = (field: (typeof FURTHER_FIELDS)[number]) => sent.includes(field)
  return fieldsOf({
    ...(image !== undefined && { image: mediaText(image, 'image') }),
    ...(lastFrame !== undefined && has('lastFrame') && { lastFrame: mediaText(lastFrame, 'image', 'lastFrame') }),
    references: has('references') ? references.map((one, at) => mediaText(one, 'image', `references[${at}]`)) : [],
    ...(audioInput !== undefined && has('audioInput') && { audioInput: soundText(audioInput) }),
  })
}

/** Warns of a sound that only some models of the server read. */
export function warnOfSound(name: string, context: StageContext): void {
  const message = `${name} may ignore audioInput: only some models of its server read a sound`
  context.warn?.({ code: 'unsupported-option', message })
}
