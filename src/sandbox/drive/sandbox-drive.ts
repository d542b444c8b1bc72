import { randomUUID } from 'node:crypto'
import type { Router } from '../route.js'
import { driveApi } from './drive-api.js'
import { type DriveStore, driveStore, type SandboxDriveFile } from './drive-store.js'
import { resumableUploads } from './resumable-uploads.js'

/**
 * Google Drive v3 of a {@link Sandbox}: `files.generateIds`, resumable uploads, `files.get`, `permissions.create`,
 * `files.delete`, with Google's error object. It refuses what Drive refuses: a part before the last that is not a
 * multiple of 256 KiB, an offset after the stored bytes, an unknown parent or id, an expired token.
 */
export interface SandboxDrive {
  /** Replaces `https://www.googleapis.com`: `http://127.0.0.1:40008`. */
  readonly baseUrl: string
  /** The valid token, which {@link SandboxDrive.expireToken} replaces. */
  readonly accessToken: string
  /** The id of an existing folder. */
  readonly folderId: string
  /** The files by id, including those of the Spaces. */
  readonly files: ReadonlyMap<string, SandboxDriveFile>
  /**
   * Address on this machine that serves the bytes of a file that anyone may read, in place of Google's `webViewLink`.
   * Of files above 64 MB only the length and the hash are kept.
   */
  fileUrl(id: string): string
  /** Makes the token invalid. */
  expireToken(): void
  /** Makes the address of every incomplete upload unknown (404). */
  expireSessions(): void
  /** Limits the bytes of all files together; `Infinity` at the start. */
  setQuota(bytes: number): void
}

/** The Drive of a sandbox without an address. */
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
