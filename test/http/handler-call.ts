import { createHandler, type HandlerOptions } from '../../src/http/index.js'
import type { SoraPipelineOptions } from '../../src/index.js'
import { memoryStore, SoraPipeline } from '../../src/index.js'
import { fakeGenerator } from '../../src/testing/index.js'

/** What is sent: `body` as JSON, unless it is a form or a text. */
export interface Sent {
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/** A handler of a pipeline of fakes, and a short way to call it. */
export function handlerOf(options: HandlerOptions = {}, pipelineOptions: Partial<SoraPipelineOptions> = {}) {
  const store = memoryStore()
  const pipeline = new SoraPipeline({ generator: fakeGenerator(), store, pollSchedule: () => 5, ...pipelineOptions })
  const errors: unknown[] = []
  const isOpen = options.apiKeys === undefined && options.authenticate === undefined
  const handler = createHandler(pipeline, { public: isOpen, onError: (error) => errors.push(error), ...options })
  const call = (method: string, path: string, { key, headers, body, signal }: Sent = {}) => {
    const isRaw = typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array
    return handler(
      new Request(`http://backend.example${path}`, {
        method,
        headers: {
          ...(key !== undefined && { authorization: `Bearer ${key}` }),
          ...(body !== undefined && !isRaw && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body !== undefined && { body: isRaw ? (body as NonNullable<RequestInit['body']>) : JSON.stringify(body) }),
        ...(signal && { signal }),
      }),
    )
  }
  const json = async (method: string, path: string, sent?: Sent) => {
    const response = await call(method, path, sent)
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked at, field by field
    return { status: response.status, headers: response.headers, body: (await response.json()) as any }
  }
  const ended = (id: string) => pipeline.resume(id).result.catch(() => undefined)
  return { store, pipeline, handler, call, json, ended, errors }
}

export const chatBody = (content: unknown, more: object = {}) => ({
  model: 'sora-1.0',
  messages: [{ role: 'user', content }],
  ...more,
})

/** The data of a stream's frames, with its comments left out. */
export async function framesOf(response: Response): Promise<string[]> {
  const text = await response.text()
  return text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => frame.slice(6))
}
