const FIELDS = ['image', 'lastFrame', 'audioInput', 'video'] as const

/** The fields of a request that hold media, in any form: as it was given, or as it is stored. */
export type MediaFields<Media> = {
  readonly [Field in (typeof FIELDS)[number]]?: Media | undefined
} & {
  readonly references?: readonly Media[] | undefined
}

/** The media of a request, each with its path, such as `references[1]`. */
export function mediaOf<Media>(request: MediaFields<Media>): readonly (readonly [path: string, media: Media])[] {
  const found: (readonly [path: string, media: Media])[] = []
  for (const field of FIELDS) {
    const media = request[field]
    if (media !== undefined) found.push([field, media])
  }
  // A request that was not checked may have anything in its place.
  const list = Array.isArray(request.references) ? (request.references as readonly (Media | undefined)[]) : []
  for (const [index, media] of list.entries()) if (media !== undefined) found.push([`references[${index}]`, media])
  return found
}

/** The media fields of a request with each medium replaced; empty for a request without media. */
export function mediaFields<From, To>(
  request: MediaFields<From>,
  replace: (media: From, path: string) => To,
): MediaFields<To> {
  const given = mediaOf(request)
  if (given.length === 0 && request.references === undefined) return {}
  const replaced = new Map(given.map(([path, media]) => [path, replace(media, path)]))
  const single = FIELDS.flatMap((field) => (replaced.has(field) ? [[field, replaced.get(field)]] : []))
  const references = request.references?.map((_, index) => replaced.get(`references[${index}]`) as To)
  return { ...Object.fromEntries(single), ...(references !== undefined && { references }) }
}

/** Bytes as base64. */
export function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
