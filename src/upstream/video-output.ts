import { isRecord } from './error-details.js'

/** Where an upstream put a video: at an address, or in the answer itself as base64. */
export type VideoOutput =
  | { readonly kind: 'url'; readonly url: string; readonly needsKey: boolean }
  | { readonly kind: 'bytes'; readonly base64: string; readonly mediaType: string | undefined }

// In the order in which they are trusted; the keys of one path are followed from the answer's root.
const PLACES: readonly (readonly (string | number)[])[] = [
  ['url'],
  ['video_url'],
  ['video', 'url'],
  ['metadata', 'url'],
  ['metadata', 'result_url'],
  ['result_url'],
  ['output', 'url'],
  ['output', 'videos', 0, 'url'],
  ['output', 'video_url'],
  ['outputs', 'video_url'],
  ['output'],
  ['output', 0],
  ['urls', 0],
  ['unsigned_urls', 0],
  ['data', 0, 'url'],
  ['data', 0, 'b64_json'],
  ['data', 'result_url'],
  ['data', 'url'],
  ['videos', 0, 'url'],
  ['content', 'video_url'],
]

const MEDIA_TYPES: Readonly<Record<string, string>> = { mp4: 'video/mp4', webm: 'video/webm', mov: 'video/quicktime' }

/**
 * Every output that an answer of the `/v1/videos` family names, the most trusted first: `url`, `video.url`, `metadata.url`,
 * `output.videos[0].url`, `unsigned_urls[0]` (behind the key), `data[0].b64_json` and their like. Addresses may be relative to
 * `base`; what is neither http nor a data URL is passed over.
 */
export function videoOutputs(answer: unknown, base: string): VideoOutput[] {
  return PLACES.flatMap((place) => {
    const value = valueAt(answer, place)
    if (typeof value !== 'string' || value.trim() === '') return []
    if (place.at(-1) === 'b64_json') return [{ kind: 'bytes', base64: value, mediaType: formatAt(answer) } as const]
    return outputOf(value.trim(), base, place[0] === 'unsigned_urls')
  })
}

function outputOf(value: string, base: string, needsKey: boolean): VideoOutput[] {
  const inline = /^data:(video\/[\w.+-]+)?;base64,/i.exec(value)
  if (inline) return [{ kind: 'bytes', base64: value.slice(inline[0].length), mediaType: inline[1]?.toLowerCase() }]
  // A bare word would also resolve against the base: only what looks like an address or an absolute path counts.
  if (!/^(https?:\/\/|\/)/i.test(value) || !URL.canParse(value, base)) return []
  return [{ kind: 'url', url: new URL(value, base).href, needsKey }]
}

function valueAt(root: unknown, place: readonly (string | number)[]): unknown {
  return place.reduce<unknown>((value, key) => {
    if (typeof key === 'number') return Array.isArray(value) ? value[key] : undefined
    return isRecord(value) ? value[key] : undefined
  }, root)
}

function formatAt(answer: unknown): string | undefined {
  const format = valueAt(answer, ['data', 0, 'output_format']) ?? valueAt(answer, ['data', 0, 'format'])
  return typeof format === 'string' ? MEDIA_TYPES[format.toLowerCase()] : undefined
}
