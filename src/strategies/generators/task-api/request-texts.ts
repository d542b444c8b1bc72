import { InvalidRequestError } from '../../../contracts/input-errors.js'
import type { VideoRequest } from '../../../contracts/request.js'
import { mediaText, readMediaFile, soundFile, soundText } from '../media-file.js'
import type { TaskApiVideoRequest } from './task-api-options.js'

const MEDIA = ['image', 'lastFrame', 'references', 'audioInput', 'video'] as const
// An image at an address may be fetched before the submission.
const FETCHED: ReadonlySet<string> = new Set(['image', 'lastFrame', 'references'])

/** The request with its media as texts. */
export function requestTexts(request: VideoRequest, model: string | undefined): TaskApiVideoRequest {
  const { image, lastFrame, references, audioInput, video, ...rest } = request
  const chosen = request.model ?? model
  return {
    ...rest,
    ...(chosen !== undefined && { model: chosen }),
    ...(image !== undefined && { image: mediaText(image, 'image') }),
    ...(lastFrame !== undefined && { lastFrame: mediaText(lastFrame, 'image', 'lastFrame') }),
    ...(references !== undefined && {
      references: references.map((reference, index) => mediaText(reference, 'image', `references[${index}]`)),
    }),
    ...(audioInput !== undefined && { audioInput: soundText(audioInput) }),
    ...(video !== undefined && { video: mediaText(video, 'video') }),
  }
}

/**
 * A medium of the request as a file.
 * @throws InvalidRequestError naming its field for an address, and for bytes of another kind.
 */
export function fileOfText(text: string, request: TaskApiVideoRequest): File {
  const known = MEDIA.map((name) => fieldOf(name, text, request)).find((name) => name !== undefined)
  const type = /^data:(audio|video)\//i.exec(text)?.[1]?.toLowerCase()
  const field = known ?? (type === 'audio' ? 'audioInput' : type === 'video' ? 'video' : 'image')
  const file =
    field === 'audioInput' ? soundFile(text) : readMediaFile(text, field === 'video' ? 'video' : 'image', field)
  if (file.kind === 'url') {
    const isFetched = FETCHED.has(field.replace(/\[.*/, ''))
    const advice = isFetched ? ", or set imageUrls: 'data-url'" : ''
    const fix = `give its bytes or a data URL: the upstream takes a file${advice}`
    throw new InvalidRequestError([{ field, value: 'an address', fix }])
  }
  return new File([new Uint8Array(file.bytes)], file.name, { type: file.mediaType })
}

function fieldOf(name: (typeof MEDIA)[number], text: string, request: TaskApiVideoRequest): string | undefined {
  const value = request[name]
  if (typeof value === 'string' || value === undefined) return value === text ? name : undefined
  const place = value.indexOf(text)
  return place < 0 ? undefined : `references[${place}]`
}
