import { describeValue } from '../../../contracts/errors.js'
import { InvalidRequestError } from '../../../contracts/input-errors.js'
import type { TaskApiVideoRequest } from '../task-api/task-api-options.js'

type Media = Pick<TaskApiVideoRequest, 'image' | 'lastFrame' | 'references' | 'audioInput'>

/**
 * The media of a request as entries of `content`, as Ark and MiniMax take them.
 * @throws InvalidRequestError as {@link refuseMixedMedia} does.
 */
export function mediaContent(request: Media): readonly object[] {
  refuseMixedMedia(request)
  const { image, lastFrame, references = [], audioInput } = request
  const images = [
    { url: image, role: 'first_frame' },
    { url: lastFrame, role: 'last_frame' },
    ...references.map((url) => ({ url, role: 'reference_image' })),
  ]
  const sound = { type: 'audio_url', audio_url: { url: audioInput }, role: 'reference_audio' }
  return [
    ...images
      .filter(({ url }) => url !== undefined)
      .map(({ url, role }) => ({ type: 'image_url', image_url: { url }, role })),
    ...(audioInput === undefined ? [] : [sound]),
  ]
}

/**
 * Refuses references and a sound beside a first or last frame, for an API in which they exclude each other.
 * @throws InvalidRequestError naming each of them.
 */
export function refuseMixedMedia(request: Media): void {
  const frame = (['image', 'lastFrame'] as const).find((field) => request[field] !== undefined)
  if (frame === undefined) return
  const mixed = (['references', 'audioInput'] as const).filter((field) => request[field] !== undefined)
  if (mixed.length > 0)
    throw refusedFields(request, mixed, `leave it out: ${frame} is given, and they exclude each other`)
}

/** The refusal of fields that a request has. */
export function refusedFields<Field extends string>(
  request: { readonly [Name in Field]?: unknown },
  fields: readonly Field[],
  fix: string,
): InvalidRequestError {
  return new InvalidRequestError(
    fields.map((field) => {
      const given = request[field]
      const isData = typeof given === 'string' && given.startsWith('data:')
      return { field, value: isData ? 'a data URL' : describeValue(given), fix }
    }),
  )
}
