import { jsonReply, type Reply } from './reply.js'

/** The content of OpenAI's error object. */
export interface OpenAiErrorFields {
  readonly message: string
  /** @defaultValue 'invalid_request_error' */
  readonly type?: string | undefined
  /** The wrong field of the request. */
  readonly param?: string | undefined
  readonly code?: string | undefined
}

/** An answer with OpenAI's error object: `{ error: { message, type, param, code } }`. */
export function openAiError(
  status: number,
  { message, type = 'invalid_request_error', param, code }: OpenAiErrorFields,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return jsonReply(status, { error: { message, type, param: param ?? null, code: code ?? null } }, headers)
}
