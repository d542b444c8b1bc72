import type { JsonObject, JsonValue } from '../../contracts/json.js'
import { isJsonObject } from '../is-json-object.js'
import { openAiError } from '../openai-error.js'
import { jsonReply, type Reply } from '../reply.js'
import { CHAT_MODELS, type ChatModel } from './chat-variant.js'

/** A request to the chat upstream. */
export interface ChatRequest {
  readonly prompt: string
  readonly model: ChatModel
  readonly isStreamed: boolean
}

/** Reads the body of `POST /v1/chat/completions`: only the last text of the last message counts. */
export function parseChatRequest(
  body: JsonValue | undefined,
): { readonly request: ChatRequest } | { readonly refusal: Reply } {
  if (!isJsonObject(body)) return { refusal: schemaError('body', 'Input should be a valid dictionary') }
  const { model: name, messages, stream = false } = body
  if (typeof name !== 'string') return { refusal: schemaError('model', 'Field required') }
  if (!Array.isArray(messages)) return { refusal: schemaError('messages', 'Field required') }
  if (typeof stream !== 'boolean') return { refusal: schemaError('stream', 'Input should be a valid boolean') }
  const prompt = textOf(messages.at(-1))
  if (prompt === undefined || prompt === '') return { refusal: disguisedError('Messages cannot be empty') }
  const model = CHAT_MODELS.find(({ id }) => id === name)
  if (model === undefined) return { refusal: disguisedError(`Invalid model: ${name}`) }
  return { request: { prompt, model, isStreamed: stream } }
}

function textOf(message: JsonValue | undefined): string | undefined {
  const content = isJsonObject(message) ? message.content : undefined
  if (!Array.isArray(content)) return typeof content === 'string' ? content : undefined
  const texts = content.filter((part): part is JsonObject => isJsonObject(part) && part.type === 'text')
  const last = texts.at(-1)?.text
  return typeof last === 'string' ? last : undefined
}

function schemaError(field: string, msg: string): Reply {
  return jsonReply(422, { detail: [{ type: 'missing', loc: ['body', field], msg, input: null }] })
}

// The family answers its own 400 with status 500, and puts the number into the text.
function disguisedError(message: string): Reply {
  return openAiError(500, { message: `400: ${message}`, type: 'server_error' })
}
