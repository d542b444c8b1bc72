/** What an answer that refuses a request says. */
export interface HttpRefusalFields {
  /** HTTP status, such as 413. */
  readonly status: number
  /** OpenAI's word for it or one in its manner, such as `request_too_large`. */
  readonly code: string
  /** For the client to read: what could not be done, a colon, the value, and what to do. */
  readonly message: string
  /** The field or header that is wrong; absent when it is the request as a whole. */
  readonly param?: string | undefined
  /** Headers of the answer, with names in lower case, such as `{ allow: 'GET, POST' }`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/**
 * A request that is refused before it gets to a run: too large, of a wrong type, without a key, to a wrong path. Never leaves
 * `http`: the handler answers with what it says. A wrong field of a request is an `InvalidRequestError` instead.
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

  /** The body of the answer in the form of OpenAI's errors. */
  get body(): { readonly error: { message: string; type: string; param: string | null; code: string } } {
    return { error: { message: this.message, type: typeOf(this.status), param: this.param, code: this.code } }
  }
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error'
  return status < 500 ? 'invalid_request_error' : 'server_error'
}
