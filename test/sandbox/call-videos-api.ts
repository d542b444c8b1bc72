import type { Sandbox } from '../../src/sandbox/sandbox.js'

/** Fields of any answer of the API that a test looks at. */
interface VideosJson {
  readonly id: string
  readonly status: string
  readonly completed_at: number
  readonly expires_at: number
  readonly error: { readonly message: string; readonly param: string | null; readonly code: string }
  readonly data: readonly VideosJson[]
  readonly first_id: string | null
  readonly last_id: string | null
  readonly has_more: boolean
}

/** What a test reads of an answer. */
export interface CalledVideosApi {
  readonly status: number
  readonly headers: Headers
  readonly json: VideosJson
}

/** Calls the Videos API with its key; a plain object as body is sent as JSON. */
export async function callVideosApi(
  { videosApi: { baseUrl, apiKey } }: Sandbox,
  path: string,
  { body, headers, ...rest }: Omit<RequestInit, 'body'> & { readonly body?: FormData | object } = {},
): Promise<CalledVideosApi> {
  const init: RequestInit = { ...rest, headers: { authorization: `Bearer ${apiKey}`, ...headers } }
  if (body instanceof FormData) init.body = body
  else if (body !== undefined) {
    init.body = JSON.stringify(body)
    init.headers = { 'content-type': 'application/json', ...init.headers }
  }
  const response = await fetch(`${baseUrl}${path}`, init)
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json'
  return { status: response.status, headers: response.headers, json: isJson ? JSON.parse(text) : text }
}

/** Creates a small job. */
export function createVideo(sandbox: Sandbox, fields: object = {}, headers: Record<string, string> = {}) {
  const body = { prompt: 'A cat', size: '64x64', seconds: '1', ...fields }
  return callVideosApi(sandbox, '/videos', { method: 'POST', body, headers })
}

/** Polls a job until it has ended. */
export async function endOf(sandbox: Sandbox, id: string) {
  for (;;) {
    const { json } = await callVideosApi(sandbox, `/videos/${id}`)
    if (json.status === 'completed' || json.status === 'failed') return json
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
