/** Where a copy is read from and sent to. */
export interface Places {
  /** Address of the video. */
  readonly source: string
  /** Address that counts the bytes of a POST. */
  readonly sink: string
  /** Address of a server of S3, whose bucket is `bucket`. */
  readonly s3: string
  readonly drive: { readonly origin: string } & DriveAccess
  /** Directory on the disk, which is removed afterwards. */
  readonly directory: string
}

export interface DriveAccess {
  readonly accessToken: string
  readonly folderId: string
}

/** Copies the video once. */
export type CopyVideo = (places: Places) => Promise<unknown>
