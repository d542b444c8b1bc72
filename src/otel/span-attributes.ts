import type { Attributes } from '@opentelemetry/api'
import type { GenerationHandle } from '../contracts/generation-handle.js'
import type { JsonValue } from '../contracts/json.js'
import type { TracedRequest } from '../pipeline/tracing/traced-request.js'

/** The attributes of a request. The prompt is there only with `recordInputs` of the pipeline. */
export function requestAttributes({ model, durationSeconds, size, seed, prompt }: TracedRequest = {}): Attributes {
  return {
    ...(model !== undefined && { 'gen_ai.request.model': model }),
    ...(seed !== undefined && { 'gen_ai.request.seed': seed }),
    ...(durationSeconds !== undefined && { 'sora_pipeline.request.duration_seconds': durationSeconds }),
    ...(size !== undefined && { 'sora_pipeline.request.size': size }),
    ...(prompt !== undefined && { 'gen_ai.input.messages': inputMessages(prompt) }),
  }
}

/** Host and port of an upstream; empty if it is not a URL. */
export function serverAttributes(upstream: string | undefined): Attributes {
  if (upstream === undefined || !URL.canParse(upstream)) return {}
  const { hostname, port } = new URL(upstream)
  return {
    ...(hostname !== '' && { 'server.address': hostname }),
    ...(port !== '' && { 'server.port': Number(port) }),
  }
}

/** The id of a job; `undefined` if its operation does not show it. */
export function jobIdOf(handle: GenerationHandle | undefined): string | undefined {
  const operation = handle?.operation
  return typeof operation === 'string' ? operation : textOf(operation, 'id')
}

/** A text field of a JSON object; `undefined` if it has none. */
export function textOf(value: JsonValue | undefined, field: string): string | undefined {
  const found = Object(value)[field]
  return typeof found === 'string' ? found : undefined
}

// The form of the GenAI conventions.
function inputMessages(prompt: string): string {
  return JSON.stringify([{ role: 'user', parts: [{ type: 'text', content: prompt }] }])
}
