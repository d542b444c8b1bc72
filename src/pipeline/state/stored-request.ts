import type { Hash } from 'node:crypto'
import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { RunStore } from '../../contracts/run-store.js'
import { createSha256, sha256Of } from '../../contracts/sha256.js'
import { mediaFields, mediaOf } from './request-media.js'

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

// Base64 in pieces of whole groups of four characters, so that hashing a large file needs no copy of it.
const PIECE = 3 * 65_536

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

/** A digest of a request: the same for bytes and for their data URL, and the same in every version. */
export function fingerprintOf(request: VideoRequest): string {
  const fields = Object.entries(request)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  if (!fields.some(([, value]) => isLarge(value) || (Array.isArray(value) && value.some(isLarge)))) {
    return sha256Of(`{${fields.map(([field, value]) => `${JSON.stringify(field)}:${canonicalJson(value)}`).join()}}`)
  }
  // In pieces, so that large media needs no copy.
  const digest = createSha256()
  digest.update('{')
  for (const [index, [field, value]] of fields.entries()) {
    digest.update(`${index === 0 ? '' : ','}${JSON.stringify(field)}:`)
    if (field === 'references' && Array.isArray(value)) hashList(digest, value)
    else hashValue(digest, value)
  }
  return digest.update('}').digest('hex')
}

function isBytes(value: unknown): value is Exclude<MediaInput, string> {
  return typeof value === 'object' && value !== null && 'bytes' in value && value.bytes instanceof Uint8Array
}

function isLarge(value: unknown): boolean {
  return isBytes(value) || (typeof value === 'string' && value.length > PIECE)
}

function hashList(digest: Hash, values: readonly unknown[]): void {
  for (const [index, value] of values.entries()) {
    digest.update(index === 0 ? '[' : ',')
    hashValue(digest, value)
  }
  digest.update(']')
}

function hashValue(digest: Hash, value: unknown): void {
  if (isBytes(value)) hashDataUrl(digest, value)
  else digest.update(canonicalJson(value))
}

function hashDataUrl(digest: Hash, { bytes, mediaType }: Exclude<MediaInput, string>): void {
  digest.update(JSON.stringify(`data:${mediaType};base64,`).slice(0, -1))
  for (let from = 0; from < bytes.length; from += PIECE) digest.update(base64Of(bytes.subarray(from, from + PIECE)))
  digest.update('"')
}

function toDataUrl(media: MediaInput): string {
  return typeof media === 'string' ? media : `data:${media.mediaType};base64,${base64Of(media.bytes)}`
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

// Another form of a data URL stays unchanged: its text may hold more than its bytes.
function readDataUrl(text: string): Exclude<MediaInput, string> | undefined {
  const [head = '', mediaType] = /^data:([a-z0-9.+/-]+);base64,/i.exec(text.slice(0, 200)) ?? []
  if (mediaType === undefined) return undefined
  const bytes = Buffer.from(text.slice(head.length), 'base64')
  return text.length - head.length === 4 * Math.ceil(bytes.length / 3) ? { bytes, mediaType } : undefined
}

function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
