/** The headers of a request, as the routes read them; names in lower case. */
export type HeaderLookup = Pick<Headers, 'get' | 'has'>

/** What the routes read of a URL. */
export interface RequestTarget {
  readonly origin: string
  readonly pathname: string
  readonly searchParams: Pick<URLSearchParams, 'get'>
}

/**
 * A request as the routes read it: a Fetch `Request`, or one of Node in its place, because a `Request` costs more than
 * a small answer.
 */
export interface Incoming extends Pick<Request, 'method' | 'url' | 'signal' | 'bodyUsed'> {
  /** Its URL in parts, if that is cheaper than to parse it. */
  readonly target?: RequestTarget
  readonly body: ReadableStream<Uint8Array> | null
  readonly headers: HeaderLookup
  /** Takes the whole body, if all of it has arrived and nothing else reads it. */
  takeArrived?(): Uint8Array<ArrayBuffer> | undefined
  /** Its headers in the type of the Fetch standard, for functions of the user. */
  toFetchHeaders?(): Headers
}
