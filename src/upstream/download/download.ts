import type { Mask } from '../secret.js'

/** What is wanted of a URL. */
export interface DownloadRequest {
  /** What it is for, such as `download the video`. */
  readonly what: string
  /** @defaultValue `'GET'` */
  readonly method?: 'GET' | 'HEAD' | undefined
  /** Such as `range`. A foreign origin sees only those that say how to answer, and none that may be a credential. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** An origin that the developer wrote down: it may be private, as long as the way has not left it. */
  readonly ownOrigin?: string | undefined
  /** For `ownOrigin` alone and as long as the way has not left it, such as a credential. */
  readonly ownHeaders?: Readonly<Record<string, string>> | undefined
  readonly signal: AbortSignal
  /** Takes secrets out of messages. */
  readonly mask?: Mask | undefined
}

/** The answer at the end of the way. */
export interface Download {
  readonly status: number
  /** Whether the status is a success. */
  readonly ok: boolean
  readonly headers: Headers
  /** Cancel it when it is not read to its end. `null` for `HEAD` and for an encoded body of a status that is no success. */
  readonly body: ReadableStream<Uint8Array> | null
  /** Of the last hop. */
  readonly url: URL
}

/**
 * Fetches a URL. An abort closes the connection and leaves nothing running.
 * @throws NetworkError for an address that may not be reached, which is not retryable, and when no answer came.
 * @throws UpstreamResponseError for a URL or a redirect that leads nowhere, and a body that is too long, too short or encoded.
 */
export type Downloader = (address: string, request: DownloadRequest) => Promise<Download>
