import type { Hash } from 'node:crypto'
import type { MediaInput, VideoRequest } from '../../contracts/request.js'
import { createSha256, sha256Of } from '../../contracts/sha256.js'
import { base64Of } from './request-media.js'
import type { RunIdentity } from './run-state.js'

// Base64 in pieces of whole groups of four characters, so that hashing a large file needs no copy of it.
const PIECE = 3 * 65_536

/** The identity of a run of a request. */
export function identityOf(request: VideoRequest, owner: string | undefined): RunIdentity {
  return { fingerprint: fingerprintOf(request), ...(owner !== undefined && { owner }) }
}

/** A digest of a request: the same for bytes and for their data URL, and the same in every version. */
export function fingerprintOf(request: VideoRequest): string {
  const names = Object.keys(request).sort() as (keyof VideoRequest)[]
  const fields = names.flatMap((name) => (request[name] === undefined ? [] : [[name, request[name]] as const]))
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

function canonicalJson(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
