import { createServer } from 'node:http'
import { createHandler, type HandlerOptions, toNodeListener } from '../../../src/http/index.js'
import { SoraPipeline, type SoraPipelineOptions } from '../../../src/index.js'
import { type FakeTaskGenerator, fakeSource, fakeTaskGenerator } from '../../../src/testing/index.js'
import { type Served, serve } from '../node/serve.js'
import { type PromptedGenerator, promptedGenerator } from './prompted-generator.js'

/** What a client sent, as it arrived. */
export interface Arrival {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Headers
}

/** A backend on loopback, for the clients of others. */
export interface Backend extends Served {
  /** What a client is given in place of OpenAI's. */
  readonly baseUrl: string
  readonly pipeline: SoraPipeline
  readonly arrivals: readonly Arrival[]
  /** What the handler reported to its operator. */
  readonly errors: readonly unknown[]
  /** Cuts the connections of that many answers, when they are there and before anything of them was sent. */
  cutAnswers(count: number): void
  /** Calls with the number of requests so far whenever one arrives. */
  onArrival(listener: (count: number) => void): void
}

/** Shown by the clients. */
export const API_KEY = 'sk-backend-1'

export interface BackendOptions {
  readonly handler?: HandlerOptions
  /** Called with the id of every run whose client was answered. */
  readonly onAnswered?: (runId: string) => void
}

/** Starts a backend of a pipeline, which requires {@link API_KEY}, until the test ends. */
export async function startBackend(
  pipelineOptions: SoraPipelineOptions,
  { handler: handlerOptions, onAnswered }: BackendOptions = {},
): Promise<Backend> {
  const pipeline = new SoraPipeline(pipelineOptions)
  const arrivals: Arrival[] = []
  const errors: unknown[] = []
  let cuts = 0
  let listen: (count: number) => void = () => undefined
  const onError = (error: unknown) => void errors.push(error)
  const handler = createHandler(pipeline, { apiKeys: [API_KEY], onError, ...handlerOptions })
  const server = createServer((message, response) => {
    const listener = toNodeListener(async (request) => {
      const { pathname, search } = new URL(request.url)
      arrivals.push({ method: request.method, path: pathname + search, headers: request.headers })
      listen(arrivals.length)
      const answer = await handler(request)
      const runId = await runIdOf(answer)
      if (cuts > 0) {
        cuts -= 1
        message.socket.destroy()
      }
      if (runId !== undefined) onAnswered?.(runId)
      return answer
    })
    listener(message, response)
  })
  const served = await serve(server)
  return {
    ...served,
    baseUrl: `${served.origin}/v1`,
    pipeline,
    arrivals,
    errors,
    cutAnswers: (count) => {
      cuts = count
    },
    onArrival: (listener) => {
      listen = listener
    },
  }
}

/** A backend whose generator does what the prompt says; a run that waits continues once its client was answered. */
export async function startPromptedBackend(
  pipelineOptions: Partial<SoraPipelineOptions> = {},
  handler?: HandlerOptions,
): Promise<Backend & { readonly generator: PromptedGenerator }> {
  const generator = promptedGenerator({ id: 'gen_1', url: VIDEO_URL })
  const options = { onAnswered: generator.goOn, ...(handler && { handler }) }
  const backend = await startBackend({ generator, ...pipelineOptions }, options)
  return { ...backend, generator }
}

/** Where the videos of {@link startPromptedBackend} are, if there is no uploader. */
export const VIDEO_URL = 'https://cdn.example/a.mp4'

/** A backend whose videos are only behind the generator's key, with the bytes of them all. */
export async function startKeyedBackend(
  handler?: HandlerOptions,
): Promise<Backend & { readonly generator: FakeTaskGenerator; readonly bytes: Uint8Array }> {
  const source = fakeSource({ byteLength: 300_000 })
  const generator = fakeTaskGenerator({
    polls: [{ state: 'running', ratio: 0.4, phase: 'rendering' }],
    video: { id: 'gen_1', source, durationSeconds: 8, width: 1280, height: 720 },
  })
  const backend = await startBackend({ generator, pollSchedule: () => 5 }, handler && { handler })
  return { ...backend, generator, bytes: source.slice() }
}

async function runIdOf(answer: Response): Promise<string | undefined> {
  const told = answer.headers.get('x-run-id')
  if (told !== null || answer.headers.get('content-type') !== 'application/json') return told ?? undefined
  const body: unknown = await answer.clone().json()
  const { id } = Object(body) as { readonly id?: unknown }
  return typeof id === 'string' ? id : undefined
}
