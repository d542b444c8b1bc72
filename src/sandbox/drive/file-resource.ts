import type { JsonObject } from '../../contracts/json.js'
import type { DriveEntry } from './drive-store.js'

/** Fields that are sent if a request names none. */
const DEFAULT_FIELDS: readonly string[] = ['kind', 'id', 'name', 'mimeType']

/** Whether the `fields` of a request can be parsed: `id,name,permissions(id,role)`, `*`, or none. */
export function areFieldsKnown(fields: string | null): boolean {
  if (fields === null || fields === '*') return true
  const known = new Set(FIELD_NAMES)
  return fieldNames(fields).every((name) => known.has(name))
}

/**
 * A file in the format of Drive v3, with the requested fields. Its links point to Google and lead to nothing of the
 * sandbox.
 */
export function fileResource(file: DriveEntry, fields: string | null): JsonObject {
  const names = fields === null ? DEFAULT_FIELDS : fieldNames(fields)
  const all = allFields(file)
  if (fields === '*') return all
  return Object.fromEntries(names.map((name) => [name, all[name]]))
}

function allFields(file: DriveEntry): JsonObject {
  const { id, name, mediaType, byteLength, md5, sha256, parents, permissions, createdAt } = file
  const createdTime = new Date(createdAt).toISOString()
  return {
    kind: 'drive#file',
    id,
    name,
    mimeType: mediaType,
    size: String(byteLength),
    md5Checksum: md5,
    sha256Checksum: sha256,
    parents,
    permissions: permissions.map((permission) => ({ ...permission })),
    shared: permissions.length > 0,
    trashed: false,
    createdTime,
    modifiedTime: createdTime,
    webViewLink: `https://drive.google.com/file/d/${id}/view`,
    webContentLink: `https://drive.google.com/uc?id=${id}&export=download`,
  }
}

const FIELD_NAMES: readonly string[] = [
  ...DEFAULT_FIELDS,
  'size',
  'md5Checksum',
  'sha256Checksum',
  'parents',
  'permissions',
  'shared',
  'trashed',
  'createdTime',
  'modifiedTime',
  'webViewLink',
  'webContentLink',
]

// A selection inside a field is ignored: the whole field is sent.
function fieldNames(fields: string): readonly string[] {
  return fields
    .replaceAll(/\([^()]*\)/g, '')
    .split(',')
    .map((name) => name.trim())
}
