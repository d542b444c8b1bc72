/** One request that a fault server has read completely. */
export interface FaultRequest {
  /** In upper case. */
  readonly method: string
  /** The path with its query, unchanged: `/v1/videos?limit=2`. */
  readonly path: string
  /** Headers with names in lower case, including credentials, so that a test can check where they were sent. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes of the body, decoded from its chunks. */
  readonly body: Uint8Array
  /** Epoch milliseconds of its arrival. */
  readonly at: number
  /** Whether the client disconnected before the server had ended its answer. The value changes when that happens. */
  readonly wasAborted: boolean
}

/** The part of an answer that bytes belong to; `trailer` is the end of a chunked body. */
export type ReplyPart = 'head' | 'body' | 'trailer'

/** The connection that a request came on, below HTTP. */
export interface FaultConnection {
  /** The complete request. */
  readonly request: FaultRequest
  /** Aborted when either side closes the connection. */
  readonly signal: AbortSignal
  /** Sends bytes unchanged. Resolves when they have left the process, and at once when the connection is closed. */
  send(bytes: Uint8Array, part: ReplyPart): Promise<void>
  /**
   * Ends the connection: `close` cleanly after the sent bytes, `reset` with a TCP reset (a TLS connection is only
   * closed).
   */
  end(how: 'close' | 'reset'): void
}

/** Answers one request, or fails to. If it returns without an end, the connection stays open and silent. */
export type FaultHandler = (connection: FaultConnection) => void | Promise<void>
