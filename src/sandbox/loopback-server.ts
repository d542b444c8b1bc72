import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JsonValue } from '../contracts/json.js'
import { deliver } from './deliver.js'
import type { Fault, SandboxEndpoint } from './fault.js'
import type { FaultSchedule } from './fault-schedule.js'
import { openAiError } from './openai-error.js'
import type { Reply } from './reply.js'
import { readRequestBody } from './request-body.js'
import type { SandboxRequest } from './sandbox-request.js'

/** A request that was read whole. */
export interface ReceivedRequest {
  readonly method: string
  /** Without the query, as it came: percent-encoded. */
  readonly pathname: string
  readonly query: URLSearchParams
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** In the form of {@link SandboxRequest.body}. */
  readonly body: JsonValue | undefined
}

/** The operation that a request is for. */
interface Route {
  readonly endpoint: SandboxEndpoint
  handle(request: ReceivedRequest): Reply | Promise<Reply>
}

/** Finds the operation for a request; `undefined` is answered with 404. */
export type Router = (method: string, pathname: string) => Route | undefined

/** What a {@link startLoopbackServer | server} needs. */
export interface LoopbackServerOptions {
  readonly router: Router
  readonly faults: FaultSchedule
  /** Told about every request when it arrives. The object goes on to change. */
  readonly log: (request: SandboxRequest) => void
}

/** A server on 127.0.0.1. */
export interface LoopbackServer {
  /** Such as `http://127.0.0.1:40001`. */
  readonly origin: string
  /** Cuts every connection and ends every wait. Idempotent. */
  close(): Promise<void>
}

type LogEntry = { -readonly [Field in keyof SandboxRequest]: SandboxRequest[Field] }

/** Starts a server on a free port of 127.0.0.1 that keeps a log and answers with faults on demand. */
export async function startLoopbackServer(options: LoopbackServerOptions): Promise<LoopbackServer> {
  const closing = new AbortController()
  const server = createServer((request, response) => void serve(request, response, options, closing.signal))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve())
  })
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    close() {
      closing.abort()
      return new Promise((resolve) => {
        // The only error says that the server is closed already.
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { router, faults, log }: LoopbackServerOptions,
  closing: AbortSignal,
): Promise<void> {
  const { method = 'GET', url = '/' } = request
  const [pathname = '/', query = ''] = url.split(/\?(.*)/s)
  const route = router(method, pathname)
  const headers = flatHeaders(request)
  const entry: LogEntry = {
    endpoint: route?.endpoint ?? 'unknown',
    method,
    path: url,
    at: Date.now(),
    headers,
    wasAborted: false,
  }
  log(entry)
  const fault = route && faults.next(route.endpoint, pathname)
  if (fault !== undefined) entry.fault = fault.kind

  const gone = new AbortController()
  let isCutByUs = false
  response.once('close', () => {
    entry.wasAborted = !response.writableFinished && !isCutByUs && !closing.aborted
    gone.abort()
  })
  const answer = (handle: () => Promise<Reply>, fault?: Fault) => {
    const signal = AbortSignal.any([gone.signal, closing])
    const onStatus = (status: number) => {
      entry.status = status
    }
    return deliver({ response, handle, fault, signal, onStatus })
  }
  try {
    const body = await readRequestBody(request, headers['content-type'])
    if (body !== undefined) entry.body = body
    const received = { method, pathname, query: new URLSearchParams(query), headers, body }
    isCutByUs = fault?.kind === 'reset'
    await answer(async () => route?.handle(received) ?? unknownUrl(method, pathname), fault)
  } catch (error) {
    // What the client ended needs no answer: the log says that it went away.
    if (gone.signal.aborted || closing.aborted || !request.complete) return
    isCutByUs = response.headersSent
    if (isCutByUs) response.destroy()
    else await answer(async () => failure(error))
  }
}

function failure(error: unknown): Reply {
  const message = `The sandbox could not answer: ${error instanceof Error ? error.message : String(error)}`
  return openAiError(500, { message, type: 'server_error' })
}

function unknownUrl(method: string, pathname: string): Reply {
  return openAiError(404, { message: `Invalid URL (${method} ${pathname})` })
}

function flatHeaders({ headers }: IncomingMessage): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return flat
}
