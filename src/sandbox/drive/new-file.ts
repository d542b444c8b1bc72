import type { JsonObject } from '../../contracts/json.js'
import { isJsonObject } from '../is-json-object.js'
import type { Reply } from '../reply.js'
import type { ReceivedRequest } from '../route.js'
import type { DriveStore, NewDriveFile } from './drive-store.js'
import { areFieldsKnown } from './file-resource.js'
import { googleError } from './google-error.js'

/** The file that a request creates, or a refusal. */
export type ParsedNewFile = { readonly file: NewDriveFile } | { readonly refusal: Reply }

/** The change of an existing file, or a refusal. */
export type ParsedChange =
  | { readonly change: Partial<Pick<NewDriveFile, 'name' | 'mediaType'>> }
  | { readonly refusal: Reply }

/** Reads the metadata of `files.create`, with or without a following upload. */
export function parseNewFile(request: ReceivedRequest, store: DriveStore): ParsedNewFile {
  const parsed = parseChange(request)
  if ('refusal' in parsed) return parsed
  const { id, parents = ['root'] } = metadataOf(request) ?? {}
  if (!Array.isArray(parents) || parents.length !== 1) return invalid('A file has exactly one parent.')
  const [parent] = parents
  if (typeof parent !== 'string' || !store.hasFolder(parent)) return { refusal: fileNotFound(String(parent)) }
  if (id !== undefined && (typeof id !== 'string' || !store.wasGenerated(id))) {
    return invalid('The provided file ID is not usable.')
  }
  if (id !== undefined && store.files.has(id)) return { refusal: ID_IN_USE }
  const { name = 'Untitled', mediaType = 'application/octet-stream' } = parsed.change
  return { file: { id: id ?? store.generateIds(1)[0] ?? '', name, mediaType, parents: [parent] } }
}

/** Reads the metadata of `files.update`. */
export function parseChange(request: ReceivedRequest): ParsedChange {
  const metadata = metadataOf(request)
  if (metadata === undefined) return invalid('The metadata have to be a JSON object.', 'parseError')
  const { name, mimeType = request.headers['x-upload-content-type'] } = metadata
  if (name !== undefined && typeof name !== 'string') return invalid('The name has to be a text.')
  if (mimeType !== undefined && typeof mimeType !== 'string') return invalid('The media type has to be a text.')
  const fields = request.query.get('fields')
  if (!areFieldsKnown(fields)) return { refusal: invalidFields(fields) }
  return { change: { ...(name !== undefined && { name }), ...(mimeType !== undefined && { mediaType: mimeType }) } }
}

/** The answer to an unknown id. */
export function fileNotFound(id: string): Reply {
  const location = ['fileId', 'parameter'] as const
  return googleError(404, { message: `File not found: ${id}.`, reason: 'notFound', location })
}

/** The answer to an id that is already taken. */
export const ID_IN_USE: Reply = googleError(409, {
  message: 'A file already exists with the provided ID.',
  reason: 'fileIdInUse',
})

/** The answer to an unknown selection of fields. */
export function invalidFields(fields: string | null): Reply {
  const location = ['fields', 'parameter'] as const
  return googleError(400, { message: `Invalid field selection ${fields}`, reason: 'invalidParameter', location })
}

function metadataOf({ body, headers }: ReceivedRequest): JsonObject | undefined {
  if (body === undefined) return {}
  return isJsonObject(body) && /[/+]json\b/i.test(headers['content-type'] ?? '') ? body : undefined
}

function invalid(message: string, reason = 'invalid'): { readonly refusal: Reply } {
  return { refusal: googleError(400, { message, reason }) }
}
