import type { Mask } from '../secret.js'

/** A request for the content of a URL. */
export interface DownloadRequest {
  /** The purpose, such as `download the video`. */
  readonly what: string
  /** @defaultValue `'GET'` */
  readonly method?: 'GET' | 'HEAD' | undefined
  /**
   * Such as `range`. A foreign origin receives only headers that describe the wanted answer, never possible
   * credentials.
   */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** An origin from the developer's configuration: it may be private until a redirect leaves it. */
  readonly ownOrigin?: string | undefined
  /** Sent only to `ownOrigin`, and only until a redirect leaves it, such as a credential. */
  readonly ownHeaders?: Readonly<Record<string, string>> | undefined
  /** Whether the body is a whole video: memory is reserved to read as much at once as there is. @defaultValue false */
  readonly isLarge?: boolean | undefined
  readonly signal: AbortSignal
  /** Removes secrets from messages. */
  readonly mask?: Mask | undefined
}

/** The answer after the last redirect. */
export interface Download {
  readonly status: number
  /** Whether the status is 2xx. */
  readonly ok: boolean
  readonly headers: Headers
  /** Cancel it when it is not read to its end. `null` for `HEAD` and for an encoded body of a status outside 2xx. */
  readonly body: ReadableStream<Uint8Array> | null
  /** Of the last hop. */
  readonly url: URL
}

/**
 * Fetches a URL. An abort closes the connection.
 * @throws NetworkError for an address that may not be reached (not retryable), and when no answer came.
 * @throws UpstreamResponseError for an invalid URL or redirect, and for a body that is too long, too short or
 * encoded.
 */
export type Downloader = (address: string, request: DownloadRequest) => Promise<Download>
