import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deliver } from './deliver.js'
import type { Fault } from './fault.js'
import type { FaultSchedule } from './fault-schedule.js'
import { openAiError } from './openai-error.js'
import type { Answer, Reply } from './reply.js'
import { readRequestBody } from './request-body.js'
import { firstBytes } from './reshape-bytes.js'
import type { Router } from './route.js'
import type { SandboxRequest } from './sandbox-request.js'

/** Options of {@link startLoopbackServer}. */
export interface LoopbackServerOptions {
  readonly router: Router
  readonly faults: FaultSchedule
  /** Called with every request when it arrives. The object changes later. */
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
        // The only possible error is that the server is already closed.
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
  const headers = flatHeaders(request)
  const route = router(method, pathname, headers)
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
  const signal = AbortSignal.any([gone.signal, closing])
  let isCutByUs = false
  response.once('close', () => {
    entry.wasAborted = !response.writableFinished && !isCutByUs && !closing.aborted
    gone.abort()
  })
  const chunks = bodyChunks(request, fault)
  const counted = countedChunks(chunks, (byteLength) => {
    entry.body = { byteLength }
  })
  const discard = async () => {
    if (route?.takesStream) await readToEnd(counted)
  }
  const answer = (handle: () => Promise<Answer>, fault?: Fault) => {
    const onStatus = (status: number) => {
      entry.status = status
    }
    return deliver({ response, handle, discard, fault, refuse: route?.refuse, signal, onStatus })
  }
  try {
    const body = route?.takesStream ? undefined : await readRequestBody(chunks, headers['content-type'])
    if (body !== undefined) entry.body = body
    const received = { method, pathname, query: new URLSearchParams(query), headers, body, chunks: counted, signal }
    isCutByUs = fault !== undefined && CUTTING.has(fault.kind)
    await answer(async () => route?.handle(received) ?? unknownUrl(method, pathname), fault)
  } catch (error) {
    // An exchange that the client ended needs no answer: the log records the abort.
    if (signal.aborted || (request.destroyed && !request.complete)) return
    isCutByUs = response.headersSent
    if (isCutByUs) response.destroy()
    else await answer(async () => failure(error))
  }
}

const CUTTING: ReadonlySet<Fault['kind']> = new Set(['reset', 'sse-cut', 'cut-upload'])

// A reader that stops leaves the connection open, so that it can be answered or reset.
function bodyChunks(request: IncomingMessage, fault: Fault | undefined): AsyncIterable<Uint8Array> {
  const chunks = request.iterator({ destroyOnReturn: false })
  return fault?.kind === 'cut-upload' ? firstBytes(chunks, fault.afterBytes) : chunks
}

async function* countedChunks(
  chunks: AsyncIterable<Uint8Array>,
  onEnd: (byteLength: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let byteLength = 0
  try {
    for await (const chunk of chunks) {
      byteLength += chunk.length
      yield chunk
    }
  } finally {
    if (byteLength > 0) onEnd(byteLength)
  }
}

async function readToEnd(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]()
  while (!(await iterator.next()).done);
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
