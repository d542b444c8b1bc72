/** One request to one address, without redirects. */
export interface Hop {
  readonly url: URL
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  /** Of a `POST`; kept in memory, so small. */
  readonly body?: Uint8Array<ArrayBuffer> | undefined
  /** Closes the connection, also while the body is read; what waits for it then rejects. */
  readonly signal: AbortSignal
  /** What forbids to connect to an address that the host name leads to; `undefined` when nothing does. */
  readonly refusalOf: (address: string) => Error | undefined
}

/** The answer to a {@link Hop}. */
export interface Exchange {
  readonly status: number
  readonly headers: Headers
  /** The next chunk of the body; nothing is read before it is asked for. */
  next(): Promise<IteratorResult<Uint8Array, unknown>>
  /** Closes the connection; whoever waits for a chunk gets the reason. Idempotent. */
  close(reason?: Error): void
}
