import { randomBytes } from 'node:crypto'
import type { StoredContent } from './content-sink.js'

/** A file in the Drive of a sandbox. */
export interface SandboxDriveFile {
  /** Id of the file. */
  readonly id: string
  /** Name of the file. */
  readonly name: string
  /** Such as `video/mp4`. */
  readonly mediaType: string
  /** Length in bytes. */
  readonly byteLength: number
  /** In lower-case hex. */
  readonly md5: string
  /** In lower-case hex. */
  readonly sha256: string
  /** Ids of folders. */
  readonly parents: readonly string[]
  /** The users who may open it, besides its owner. */
  readonly permissions: readonly SandboxDrivePermission[]
}

/** A permission of a file in the Drive of a sandbox. */
export interface SandboxDrivePermission {
  /** `anyoneWithLink` for everyone. */
  readonly id: string
  /** The grantee, such as `anyone`. */
  readonly type: string
  /** The granted role, such as `reader`. */
  readonly role: string
}

/** A file with the data needed to serve it. */
export interface DriveEntry extends SandboxDriveFile {
  readonly content: StoredContent
  readonly permissions: SandboxDrivePermission[]
  /** Epoch milliseconds. */
  readonly createdAt: number
}

/** The properties of a new file. */
export interface NewDriveFile {
  readonly id: string
  readonly name: string
  readonly mediaType: string
  readonly parents: readonly string[]
}

/** The files of one Drive. */
export interface DriveStore {
  readonly folderId: string
  readonly files: ReadonlyMap<string, DriveEntry>
  /** New ids; a file can only be created with one of them. */
  generateIds(count: number): readonly string[]
  wasGenerated(id: string): boolean
  hasFolder(id: string): boolean
  /** Whether this many more bytes fit into the quota. */
  hasRoomFor(byteLength: number): boolean
  setQuota(byteLength: number): void
  add(file: NewDriveFile, content: StoredContent): DriveEntry
  /** Replaces the bytes of a file. */
  replace(id: string, file: Pick<NewDriveFile, 'name' | 'mediaType'>, content: StoredContent): DriveEntry | undefined
  delete(id: string): boolean
}

const FOLDER_TYPE = 'application/vnd.google-apps.folder'

const ROOT = 'root'

/** Creates an empty Drive with one folder besides its root. */
export function driveStore(): DriveStore {
  const files = new Map<string, DriveEntry>()
  const generated = new Set<string>()
  const folderId = newId()
  let quotaBytes = Number.POSITIVE_INFINITY

  const put = (file: NewDriveFile, content: StoredContent, permissions: SandboxDrivePermission[]) => {
    const { byteLength, md5, sha256 } = content
    const entry = { ...file, byteLength, md5, sha256, content, permissions, createdAt: Date.now() }
    files.set(file.id, entry)
    return entry
  }

  return {
    folderId,
    files,
    generateIds(count) {
      const ids = Array.from({ length: count }, newId)
      for (const id of ids) generated.add(id)
      return ids
    },
    wasGenerated: (id) => generated.has(id),
    hasFolder: (id) => id === folderId || id === ROOT || files.get(id)?.mediaType === FOLDER_TYPE,
    hasRoomFor(byteLength) {
      const used = [...files.values()].reduce((sum, file) => sum + file.byteLength, 0)
      return used + byteLength <= quotaBytes
    },
    setQuota(byteLength) {
      quotaBytes = byteLength
    },
    add: (file, content) => put(file, content, []),
    replace(id, file, content) {
      const old = files.get(id)
      return old && put({ id, parents: old.parents, ...file }, content, old.permissions)
    },
    delete: (id) => files.delete(id),
  }
}

// 33 characters, as Google's are.
function newId(): string {
  return `1${randomBytes(24).toString('base64url')}`
}
