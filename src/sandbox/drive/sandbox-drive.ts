import { randomUUID } from 'node:crypto'
import type { Router } from '../route.js'
import { driveApi } from './drive-api.js'
import { type DriveStore, driveStore, type SandboxDriveFile } from './drive-store.js'
import { resumableUploads } from './resumable-uploads.js'

/**
 * Google Drive v3 of a {@link Sandbox}: `files.generateIds`, resumable uploads, `files.get`, `permissions.create`,
 * `files.delete`, with Google's error object. It refuses what Drive refuses: a part that is not the last and no multiple of 256
 * KiB, an offset after what is stored, a parent or an id that is not there, an expired token.
 */
export interface SandboxDrive {
  /** Stands for `https://www.googleapis.com`: `http://127.0.0.1:40008`. */
  readonly baseUrl: string
  /** The token that is valid now; another one after {@link SandboxDrive.expireToken}. */
  readonly accessToken: string
  /** A folder that is there. */
  readonly folderId: string
  /** By id. Those of the Spaces are among them. */
  readonly files: ReadonlyMap<string, SandboxDriveFile>
  /**
   * Address here that serves the bytes of a file that anyone may read, where Google has its `webViewLink`. Files above 64 MB
   * are not kept, only their length and hash are.
   */
  fileUrl(id: string): string
  /** Makes the token invalid from now on. */
  expireToken(): void
  /** Makes the address of every upload that is not complete unknown (404). */
  expireSessions(): void
  /** Limits the bytes of all files together; `Infinity` at the start. */
  setQuota(bytes: number): void
}

/** The Drive of a sandbox before it has an address. */
export interface DriveParts {
  readonly router: Router
  readonly store: DriveStore
  /** Up to this length the bytes of a file are kept. */
  readonly keepBytes: number
  at(origin: string): SandboxDrive
}

const KEEP_BYTES = 64_000_000

/** @param keepBytes - Up to this length the bytes of a file are kept. */
export function sandboxDrive(keepBytes = KEEP_BYTES): DriveParts {
  const store = driveStore()
  const uploads = resumableUploads(store, keepBytes)
  let accessToken = newToken()
  return {
    store,
    keepBytes,
    router: driveApi({ store, uploads, accessToken: () => accessToken }),
    at: (baseUrl) => ({
      baseUrl,
      get accessToken() {
        return accessToken
      },
      folderId: store.folderId,
      files: store.files,
      fileUrl: (id) => `${baseUrl}/file/d/${id}/view`,
      expireToken() {
        accessToken = newToken()
      },
      expireSessions: uploads.expire,
      setQuota: store.setQuota,
    }),
  }
}

function newToken(): string {
  return `ya29.sandbox-${randomUUID()}`
}
