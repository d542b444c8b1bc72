/** A body that was read as a whole. */
export interface BodyText {
  readonly text: string
  /** The body if it starts like a video file; `text` is empty then. */
  readonly video?: Uint8Array | undefined
  /** Whether the body is longer than the cap; the rest was not read. */
  readonly isCut: boolean
}

/** The headers of an answer. */
export interface AnswerHeaders {
  /** The value of a header by its name in lower case; repeated ones joined by a comma; `null` if it is missing. */
  get(name: string): string | null
}

/** The answer to one request, whatever carried it: its head, and its body, which can be read once. */
export interface Answer {
  readonly status: number
  readonly headers: AnswerHeaders
  /** The body as a web stream, which is created when it is first used; `null` if there is none. */
  readonly body: ReadableStream<Uint8Array> | null
  /**
   * Reads the body as UTF-8 up to a number of decoded bytes and then closes the connection, so that a compressed bomb
   * costs no more than the cap. Rejects with the platform's error when the body breaks off.
   */
  read(maxBytes: number, signal: AbortSignal): Promise<BodyText>
}

/** Whether an answer has a status of success. */
export function isOk({ status }: Pick<Answer, 'status'>): boolean {
  return status >= 200 && status < 300
}
