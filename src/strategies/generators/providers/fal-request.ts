import type { TaskApiOperation } from '../task-api/operation.js'
import type { TaskApiAnswer } from '../task-api/task-api-answer.js'
import { modelPath } from './provider-options.js'

const NAMESPACES: ReadonlySet<string> = new Set(['workflows', 'comfy'])

/** The addresses of a request that an answer of fal names. */
export function addressesIn(text: TaskApiAnswer['text']) {
  return { pollUrl: text('status_url'), resultUrl: text('response_url'), cancelUrl: text('cancel_url') }
}

/** The application of a model, without the path of one of its endpoints: the requests of all of them are below it. */
export function appOf(model: string | undefined): string {
  const parts = String(model).split('/')
  return parts.slice(0, NAMESPACES.has(parts[0] ?? '') ? 3 : 2).join('/')
}

/** The path of a request below `baseUrl`; a handle that a person wrote has only the id, and the model is that of the generator. */
export function requestPath({ id, data }: TaskApiOperation, model: string): string {
  const app = typeof data?.app === 'string' ? data.app : appOf(model)
  return `/${modelPath(app)}/requests/${encodeURIComponent(id)}`
}
