import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { RunStore } from '../../contracts/run-store.js'
import { createSha256 } from '../../contracts/sha256.js'
import { base64Of, mediaFields, mediaOf } from './request-media.js'

/** Media of a request that is kept beside the state of its run. */
export type StoredMedia = {
  /** SHA-256 of the bytes, 64 lower-case hexadecimal digits. */
  readonly sha256: string
  /** Media type of the bytes. */
  readonly mediaType: string
  /** Length in bytes. */
  readonly byteLength: number
  /** Whether it was given as a data URL, and is passed to the generator as one. */
  readonly isDataUrl: boolean
}

/** A request in a state: media that was given as bytes or as a base64 data URL is named by its hash, if the store keeps media. */
export type StoredRequest = Omit<VideoRequest, 'image' | 'lastFrame' | 'references' | 'audioInput' | 'video'> & {
  readonly image?: string | StoredMedia
  readonly lastFrame?: string | StoredMedia
  readonly references?: readonly (string | StoredMedia)[]
  readonly audioInput?: string | StoredMedia
  readonly video?: string | StoredMedia
}

/** Bytes to keep for a run. */
export interface KeptMedia {
  readonly sha256: string
  readonly bytes: Uint8Array
}

/** Media that a generator fetched from the addresses in a request, each by its path, such as `references[1]`. */
export type FetchedMedia = Readonly<Record<string, StoredMedia>>

/** A request for a state, and the bytes to keep beside it. Without media support of the store, bytes become data URLs. */
export function storedRequest(
  request: VideoRequest,
  { canKeepMedia }: { readonly canKeepMedia: boolean },
): { readonly request: StoredRequest; readonly media: readonly KeptMedia[] } {
  const media: KeptMedia[] = []
  const stored = (given: MediaInput): string | StoredMedia => {
    if (!canKeepMedia) return toDataUrl(given)
    const read = typeof given === 'string' ? readDataUrl(given) : given
    if (read === undefined) return given as string
    const kept = keptMedia(read)
    media.push({ sha256: kept.stored.sha256, bytes: kept.bytes })
    return { ...kept.stored, isDataUrl: typeof given === 'string' }
  }
  return { request: { ...request, ...mediaFields(request, stored) } as StoredRequest, media }
}

/** Bytes to keep for a run, and their name in its state. */
export function keptMedia({ bytes, mediaType }: Exclude<MediaInput, string>): {
  readonly stored: StoredMedia
  readonly bytes: Uint8Array
} {
  const sha256 = createSha256().update(bytes).digest('hex')
  return { stored: { sha256, mediaType, byteLength: bytes.length, isDataUrl: false }, bytes }
}

/**
 * Restores a stored request with the bytes in the store.
 * @throws RunStateError, not retryable, when they are gone; any error of the store.
 */
export async function restoredRequest(id: string, stored: StoredRequest, store: RunStore): Promise<VideoRequest> {
  const restored = new Map<string, MediaInput>()
  for (const [path, given] of mediaOf(stored)) {
    restored.set(path, typeof given === 'string' ? given : await restoredMedia(id, { path, kept: given }, store))
  }
  return { ...stored, ...mediaFields(stored, (_, path) => restored.get(path)) } as VideoRequest
}

/**
 * Reads one medium of a run from the store.
 * @throws RunStateError, not retryable, when it is gone; any error of the store.
 */
export async function restoredMedia(
  id: string,
  { path, kept }: { readonly path: string; readonly kept: StoredMedia },
  store: RunStore,
): Promise<MediaInput> {
  const bytes = await store.getMedia?.(kept.sha256)
  if (bytes === undefined) {
    throw new RunStateError(`Could not continue the run, the store no longer has its ${path}: ${id}`)
  }
  const media = { bytes, mediaType: kept.mediaType }
  return kept.isDataUrl ? toDataUrl(media) : media
}

/** Whether a stored request refers to bytes beside it. */
export function namesMedia(stored: StoredRequest): boolean {
  return mediaOf(stored).some(([, media]) => typeof media === 'object')
}

function toDataUrl(media: MediaInput): string {
  return typeof media === 'string' ? media : `data:${media.mediaType};base64,${base64Of(media.bytes)}`
}

// Another form of a data URL stays unchanged: its text may hold more than its bytes.
function readDataUrl(text: string): Exclude<MediaInput, string> | undefined {
  const [head = '', mediaType] = /^data:([a-z0-9.+/-]+);base64,/i.exec(text.slice(0, 200)) ?? []
  if (mediaType === undefined) return undefined
  const bytes = Buffer.from(text.slice(head.length), 'base64')
  return text.length - head.length === 4 * Math.ceil(bytes.length / 3) ? { bytes, mediaType } : undefined
}
