/**
 * The configuration of a pipeline's chain: JSON without credentials, which are {@link SettingsSecrets}.
 */
export interface Settings {
  /** Version of this shape, `1`. A later one is refused and left unchanged. */
  readonly version: 1
  /** The server that makes the videos. @defaultValue none: a pipeline then needs the option `generator` */
  readonly generator?: GeneratorSettings | undefined
  /** The server that publishes them. @defaultValue none */
  readonly publisher?: PublisherSettings | undefined
  /** Whether and how videos are published and resolved to a copy without a watermark. @defaultValue switched off */
  readonly watermarkFree: WatermarkFreeSettings
  /** The servers with copies of a post. @defaultValue no host */
  readonly mirrors: MirrorSettings
  /** Upload to Google Drive. @defaultValue switched off */
  readonly googleDrive: GoogleDriveSettings
  /** A directory of this machine, after or instead of Google Drive. @defaultValue none */
  readonly directory?: DirectorySettings | undefined
  /** Time limits of the stages. @defaultValue those of the pipeline */
  readonly deadlines: DeadlineSettings
}

/** The settings of the generator. */
export interface GeneratorSettings {
  /**
   * Family of the server: `videos-api` for `/v1/videos`, `chat-completions` for the sora2api family.
   * @defaultValue `'videos-api'`
   */
  readonly kind: 'videos-api' | 'chat-completions'
  /** Address of the server, such as `https://gateway.example/v1`; there is no default. */
  readonly baseUrl: string
  /**
   * Model for requests that name none, such as `sora2-landscape-10s`; required by `chat-completions`.
   * @defaultValue none: the server decides
   */
  readonly model?: string | undefined
}

/** The settings of the publisher. */
export interface PublisherSettings {
  /** Address of the API below which `/project_y/post` lies, such as `https://gateway.example/backend`. */
  readonly baseUrl: string
}

/** Watermark-free mode: a video is published, and its post resolved to a copy. Without it neither happens. */
export interface WatermarkFreeSettings {
  /** Whether a video is published and its post resolved to a copy. @defaultValue `false` */
  readonly isEnabled: boolean
  /**
   * `third_party` for the copies of {@link MirrorSettings}, `custom` for a parse server. Both fall back to the URL of the
   * generator.
   * @defaultValue `'third_party'`
   */
  readonly parseMethod: 'third_party' | 'custom'
  /** Address of the parse server, such as `https://parse.example`. @defaultValue none */
  readonly customUrl?: string | undefined
}

/** The servers with copies of a post. */
export interface MirrorSettings {
  /**
   * Hosts of the copies in the order in which they are tried, such as `['cdn1.example', 'https://cdn2.example']`.
   * @defaultValue `[]`
   */
  readonly hosts: readonly string[]
  /** Path of a copy, with `{postId}` or `{videoId}`; it begins with `/`. @defaultValue `'/MP4/{postId}.mp4'` */
  readonly path: string
  /**
   * How long to wait for a missing copy at each host, in milliseconds from 0; past it the next host is tried.
   * @defaultValue `20_000` (20 s)
   */
  readonly syncTimeoutMs: number
}

/** Upload to Google Drive. */
export interface GoogleDriveSettings {
  /** Whether videos are uploaded to Google Drive. @defaultValue `false` */
  readonly isEnabled: boolean
  /**
   * The way of the upload: `url2drive` through Spaces that own the account, `drive` straight to Drive. @defaultValue
   * `'url2drive'`
   */
  readonly kind: 'url2drive' | 'drive'
  /** Hosts or addresses of url2drive Spaces, in the order in which they are tried. @defaultValue `[]` */
  readonly spaces: readonly string[]
  /** Folder for the files of `drive`. @defaultValue the root of the account */
  readonly folderId?: string | undefined
}

/** A directory that a web server serves. */
export interface DirectorySettings {
  /** Path of the directory on this machine; it is created if missing. */
  readonly path: string
  /** Address under which a web server serves the directory, such as `https://media.example/videos`. */
  readonly publicBaseUrl: string
}

/** Deadlines in milliseconds above 0; the pipeline has the defaults. */
export interface DeadlineSettings {
  /**
   * Like `generateMs` of {@link Deadlines}: milliseconds above 0; past it the run fails with the handle of its job.
   * @defaultValue that of the pipeline
   */
  readonly generateMs?: number | undefined
  /**
   * Like `publishMs` of {@link Deadlines}: milliseconds above 0; past it the run continues without a post.
   * @defaultValue that of the pipeline
   */
  readonly publishMs?: number | undefined
  /**
   * Like `resolveMs` of {@link Deadlines}: milliseconds above 0; past it the run continues without the resolver.
   * @defaultValue that of the pipeline
   */
  readonly resolveMs?: number | undefined
  /**
   * Like `uploadMs` of {@link Deadlines}: milliseconds above 0; past it the run completes without the copy.
   * @defaultValue that of the pipeline
   */
  readonly uploadMs?: number | undefined
  /**
   * Like `totalMs` of {@link Deadlines}: milliseconds above 0; past it the run completes with the best URL it has.
   * @defaultValue that of the pipeline
   */
  readonly totalMs?: number | undefined
}

/** Settings in which every field is optional and has a default. */
export interface SettingsFragment {
  /** Version of the shape. */
  readonly version?: 1 | undefined
  /** Fields of the generator. */
  readonly generator?: Partial<GeneratorSettings> | undefined
  /** Fields of the publisher. */
  readonly publisher?: Partial<PublisherSettings> | undefined
  /** Fields of the watermark-free mode. */
  readonly watermarkFree?: Partial<WatermarkFreeSettings> | undefined
  /** Fields of the mirrors. */
  readonly mirrors?: Partial<MirrorSettings> | undefined
  /** Fields of the upload to Google Drive. */
  readonly googleDrive?: Partial<GoogleDriveSettings> | undefined
  /** Fields of the directory. */
  readonly directory?: Partial<DirectorySettings> | undefined
  /** Time limits. */
  readonly deadlines?: DeadlineSettings | undefined
}

/** Settings that change while the process runs; a pipeline reads `current` when a run starts. */
export interface LiveSettings {
  /** The current settings; they are read when a run starts. */
  readonly current: Settings
}
