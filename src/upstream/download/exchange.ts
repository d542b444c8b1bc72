/** One request to one address, without redirects. */
export interface Hop {
  readonly url: URL
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  /** Whether the body of the answer is a whole video: memory is reserved to read as much at once as there is. */
  readonly isLarge?: boolean | undefined
  /** Body of a `POST`, small because it is kept in memory. */
  readonly body?: Uint8Array<ArrayBuffer> | undefined
  /** Closes the connection, also while the body is read; pending reads then reject. */
  readonly signal: AbortSignal
  /** The reason not to connect to an address that the host name resolves to; `undefined` if it is allowed. */
  readonly refusalOf: (address: string) => Error | undefined
}

/** The answer to a {@link Hop}. */
export interface Exchange {
  readonly status: number
  readonly headers: Headers
  /** The next chunk of the body, `undefined` at its end; nothing is read before it is called. */
  next(): Promise<Uint8Array | undefined>
  /** Closes the connection; pending reads reject with the reason. Idempotent. */
  close(reason?: Error): void
}
