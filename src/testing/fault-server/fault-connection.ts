/** One request that a fault server has read whole. */
export interface FaultRequest {
  /** In upper case. */
  readonly method: string
  /** With the query, as it came: `/v1/videos?limit=2`. */
  readonly path: string
  /** With names in lower case; credentials are kept, so that a test can look where they were sent. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes of the body, decoded from its chunks. */
  readonly body: Uint8Array
  /** Epoch milliseconds of its arrival. */
  readonly at: number
  /** Whether the client went away before the server had ended its answer. It changes when that happens. */
  readonly wasAborted: boolean
}

/** Which part of an answer bytes belong to; `trailer` is what ends a chunked body. */
export type ReplyPart = 'head' | 'body' | 'trailer'

/** The connection that a request came on, below HTTP. */
export interface FaultConnection {
  /** The request, read whole. */
  readonly request: FaultRequest
  /** Aborted when the connection is over, from whichever side. */
  readonly signal: AbortSignal
  /** Sends bytes as they are. Resolves when they have left the process, and at once when the connection is over. */
  send(bytes: Uint8Array, part: ReplyPart): Promise<void>
  /** Ends the connection: `close` in good order after what was sent, `reset` with a TCP reset (over TLS it is only closed). */
  end(how: 'close' | 'reset'): void
}

/** Answers one request, or fails to. A handler that returns without an end leaves the connection open and silent. */
export type FaultHandler = (connection: FaultConnection) => void | Promise<void>
