/** What a test reads of an answer; `json` is `undefined` for anything that is not JSON. */
export interface CalledJson {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly json: unknown
}

/** Calls any upstream; a plain object or a list as body is sent as JSON. */
export async function callJson(
  url: string,
  { body, headers, ...rest }: Omit<RequestInit, 'body'> & { readonly body?: object | string | Uint8Array } = {},
): Promise<CalledJson> {
  const init: RequestInit = { ...rest }
  if (headers !== undefined) init.headers = headers
  if (typeof body === 'string') init.body = body
  else if (body instanceof Uint8Array) init.body = new Uint8Array(body)
  else if (body !== undefined) {
    init.body = JSON.stringify(body)
    init.headers = { 'content-type': 'application/json', ...headers }
  }
  const response = await fetch(url, init)
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
}
