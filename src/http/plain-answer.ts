import { type SseSource, sseStream } from '../openai/sse-source.js'

/** An answer of a route, before it becomes a Fetch `Response` or is written to a response of Node. */
export class PlainAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | SseSource | null

  constructor(status: number, headers: Readonly<Record<string, string>>, body: string | SseSource | null = null) {
    this.status = status
    this.headers = headers
    this.body = body
  }

  /** Whether its body comes bit by bit. */
  get isStream(): boolean {
    return typeof this.body === 'object' && this.body !== null
  }

  /** The answer with more headers. */
  with(headers: Readonly<Record<string, string>>): PlainAnswer {
    return new PlainAnswer(this.status, { ...this.headers, ...headers }, this.body)
  }

  /** The answer in the type of the Fetch standard. */
  toResponse(): Response {
    const { status, headers, body } = this
    return new Response(typeof body === 'object' && body !== null ? sseStream(body) : body, { status, headers })
  }
}

/** An answer of a route; a `Response` if its bytes come from elsewhere. */
export type Answer = PlainAnswer | Response

/** A value as JSON. */
export function jsonAnswer(
  value: unknown,
  { status = 200, headers }: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): PlainAnswer {
  return new PlainAnswer(status, { 'content-type': 'application/json', ...headers }, JSON.stringify(value))
}
