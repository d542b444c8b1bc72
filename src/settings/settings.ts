/**
 * What the chain of a pipeline is built from: JSON, without any credential. Those are {@link SettingsSecrets}.
 */
export interface Settings {
  /** Of this shape; a later one is refused, and left as it is. */
  readonly version: 1
  /** The server that makes the videos; without it a pipeline has to be given a generator. */
  readonly generator?: GeneratorSettings | undefined
  /** The server that publishes them. */
  readonly publisher?: PublisherSettings | undefined
  readonly watermarkFree: WatermarkFreeSettings
  readonly mirrors: MirrorSettings
  readonly googleDrive: GoogleDriveSettings
  /** A directory of this machine, after Google Drive or in its place. */
  readonly directory?: DirectorySettings | undefined
  readonly deadlines: DeadlineSettings
}

/** Which generator. */
export interface GeneratorSettings {
  /**
   * `videos-api` for a server of the `/v1/videos` family, `chat-completions` for one of the sora2api family.
   * @defaultValue `'videos-api'`
   */
  readonly kind: 'videos-api' | 'chat-completions'
  /** Such as `https://gateway.example/v1`; there is no default. */
  readonly baseUrl: string
  /** Such as `sora2-landscape-10s`; needed by `chat-completions`. */
  readonly model?: string | undefined
}

/** Which publisher. */
export interface PublisherSettings {
  /** Such as `https://gateway.example/backend`. */
  readonly baseUrl: string
}

/** Watermark-free mode: publish, and resolve the post to a copy. Switched off, neither is done. */
export interface WatermarkFreeSettings {
  /** @defaultValue false */
  readonly isEnabled: boolean
  /**
   * `third_party` for the copies of {@link MirrorSettings}, `custom` for a parse server. Both fall back to the URL of the
   * generator.
   * @defaultValue `'third_party'`
   */
  readonly parseMethod: 'third_party' | 'custom'
  /** Address of the parse server, such as `https://parse.example`. */
  readonly customUrl?: string | undefined
}

/** Where copies of a post are found. */
export interface MirrorSettings {
  /** In the order in which they are tried, such as `['cdn1.example', 'https://cdn2.example']`; none by default. */
  readonly hosts: readonly string[]
  /** With `{postId}` or `{videoId}`. @defaultValue `'/MP4/{postId}.mp4'` */
  readonly path: string
  /** How long to wait at each host for a copy that is not there yet, in milliseconds from 0. @defaultValue 20000 */
  readonly syncTimeoutMs: number
}

/** Upload to Google Drive. */
export interface GoogleDriveSettings {
  /** @defaultValue false */
  readonly isEnabled: boolean
  /** `url2drive` through Spaces that own the account, `drive` straight to Drive. @defaultValue `'url2drive'` */
  readonly kind: 'url2drive' | 'drive'
  /** Hosts or addresses of url2drive Spaces, in the order in which they are tried; none by default. */
  readonly spaces: readonly string[]
  /** Folder of `drive`; the root of the account without it. */
  readonly folderId?: string | undefined
}

/** A directory that a web server gives out. */
export interface DirectorySettings {
  readonly path: string
  /** Such as `https://media.example/videos`. */
  readonly publicBaseUrl: string
}

/** Milliseconds above 0, as the deadlines of a pipeline, which has the defaults. */
export interface DeadlineSettings {
  readonly generateMs?: number | undefined
  readonly publishMs?: number | undefined
  readonly resolveMs?: number | undefined
  readonly uploadMs?: number | undefined
  readonly totalMs?: number | undefined
}

/** Settings of which anything may be left out; what is left out has its default. */
export interface SettingsFragment {
  readonly version?: 1 | undefined
  readonly generator?: Partial<GeneratorSettings> | undefined
  readonly publisher?: Partial<PublisherSettings> | undefined
  readonly watermarkFree?: Partial<WatermarkFreeSettings> | undefined
  readonly mirrors?: Partial<MirrorSettings> | undefined
  readonly googleDrive?: Partial<GoogleDriveSettings> | undefined
  readonly directory?: Partial<DirectorySettings> | undefined
  readonly deadlines?: DeadlineSettings | undefined
}

/** Settings that change while the process runs; a pipeline reads `current` when a run begins. */
export interface LiveSettings {
  readonly current: Settings
}
