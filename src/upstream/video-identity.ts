/** What is known of a file, so that bytes of different files are never combined. */
export interface VideoIdentity {
  mediaType?: string | undefined
  byteLength?: number | undefined
  etag?: string | undefined
}

/** Whether an answer is about another file than the earlier ones. */
export function isOtherVideo(known: VideoIdentity, seen: VideoIdentity): boolean {
  return (['etag', 'byteLength'] as const).some(
    (key) => known[key] !== undefined && seen[key] !== undefined && known[key] !== seen[key],
  )
}

/** Adds what an answer shows of the file. */
export function learnIdentity(known: VideoIdentity, seen: VideoIdentity): void {
  known.etag = seen.etag ?? known.etag
  known.byteLength = seen.byteLength ?? known.byteLength
}
