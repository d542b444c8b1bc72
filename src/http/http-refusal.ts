/** The content of an answer that refuses a request. */
export interface HttpRefusalFields {
  /** HTTP status, such as 413. */
  readonly status: number
  /** OpenAI's code or a similar one, such as `request_too_large`. */
  readonly code: string
  /** For the client: the action that failed, a colon, the value, and the fix. */
  readonly message: string
  /** The wrong field or header; absent if the whole request is wrong. */
  readonly param?: string | undefined
  /** Headers of the answer, with names in lower case, such as `{ allow: 'GET, POST' }`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * A request that is refused before it starts a run: too large, of a wrong type, without a key, to a wrong path. It
 * never leaves `http`: the handler answers with its fields. A wrong field of a request is an `InvalidRequestError`
 * instead.
 */
export class HttpRefusal extends Error {
  override readonly name = 'HttpRefusal'
  readonly status: number
  readonly code: string
  readonly param: string | null
  readonly headers: Readonly<Record<string, string>>

  constructor({ status, code, message, param, headers = {} }: HttpRefusalFields, options?: ErrorOptions) {
    super(message, options)
    this.status = status
    this.code = code
    this.param = param ?? null
    this.headers = headers
  }

  /** The body of the answer in OpenAI's error format. */
  get body(): { readonly error: { message: string; type: string; param: string | null; code: string } } {
    return { error: { message: this.message, type: typeOf(this.status), param: this.param, code: this.code } }
  }
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'server_error'
}
