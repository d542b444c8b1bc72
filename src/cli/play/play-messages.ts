/** The faults that the page of `play` switches. */
export const PLAY_FAULTS = ['mirror', 'upload', 'store'] as const

/** One of {@link PLAY_FAULTS}. */
export type PlayFault = (typeof PLAY_FAULTS)[number]

/** The upstreams of the server process, as the command starts them. */
export interface PlayUpstreams {
  readonly videosApi: { readonly baseUrl: string; readonly apiKey: string }
  readonly posts: { readonly baseUrl: string; readonly token: string }
  readonly mirrors: readonly string[]
  readonly space: { readonly baseUrl: string; readonly password: string }
  readonly drive: { readonly baseUrl: string; readonly accessToken: string; readonly folderId: string }
  /** Address of a stored file, with `{id}` for its id. */
  readonly fileUrl: string
}

/** What the command sends to the server process. */
export type ToServer =
  | {
      readonly type: 'start'
      readonly upstreams: PlayUpstreams
      /** Directory of the run store. */
      readonly directory: string
      /** Signs the addresses of videos, so that they work after a restart. */
      readonly contentSecret: string
      readonly isStoreDown: boolean
    }
  | { readonly type: 'store'; readonly isDown: boolean }

/** What the server process sends to the command. */
export type FromServer =
  | { readonly type: 'listening'; readonly port: number }
  /** A submission is about to leave, under the idempotency key. */
  | { readonly type: 'submitting'; readonly runId: string; readonly key: string }
