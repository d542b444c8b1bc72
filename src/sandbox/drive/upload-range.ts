/** The content of an upload's `Content-Range`. */
export type UploadRange =
  | { readonly kind: 'query'; readonly total: number | undefined }
  /** `end` is the first byte after the part. */
  | { readonly kind: 'part'; readonly start: number; readonly end: number; readonly total: number | undefined }

/**
 * Reads a `Content-Range` header: `bytes 0-524287/2000000` is a part, and the total of `bytes 0-524287/*` is not
 * known yet. A star instead of the bounds requests the state of the upload. `undefined` for anything else.
 */
export function parseUploadRange(header: string): UploadRange | undefined {
  const [, bounds, first, last, size] = /^bytes ((\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(header) ?? []
  if (bounds === undefined || size === undefined) return undefined
  const total = size === '*' ? undefined : Number(size)
  if (bounds === '*') return { kind: 'query', total }
  const [start, end] = [Number(first), Number(last) + 1]
  const isPossible = start < end && (total === undefined || end <= total)
  return isPossible ? { kind: 'part', start, end, total } : undefined
}
