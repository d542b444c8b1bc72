import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { onTestFinished } from 'vitest'
import { HttpRefusal } from '../../../src/http/http-refusal.js'
import { readBody } from '../../../src/http/requests/read-body.js'

/** A real server that reads bodies and answers with the outcome. */
export interface BodyServer {
  readonly port: number
  /** The outcome of each request: `json {"a":1}`, `413 request_too_large`, or the reason of an abort. */
  readonly outcomes: string[]
  /** Settles with the next outcome. */
  next(): Promise<string>
}

export interface BodyServerOptions {
  readonly maxBytes: number
  /** Whether a connection that closes aborts the signal of the request, as in most frameworks. */
  readonly isAborting?: boolean
}

export async function bodyServer({ maxBytes, isAborting = false }: BodyServerOptions): Promise<BodyServer> {
  const outcomes: string[] = []
  const waiting: ((outcome: string) => void)[] = []
  const server = createServer(async (incoming, response) => {
    const outcome = await outcomeOf(requestOf(incoming, isAborting), maxBytes)
    outcomes.push(outcome)
    waiting.shift()?.(outcome)
    response.writeHead(Number(/^\d{3}/.exec(outcome)?.[0] ?? 200), { connection: 'close' }).end(outcome)
  })
  server.on('connection', (socket) => socket.on('error', () => undefined))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const next = () => new Promise<string>((resolve) => waiting.push(resolve))
  return { port: (server.address() as AddressInfo).port, outcomes, next }
}

function requestOf(incoming: IncomingMessage, isAborting: boolean): Request {
  const controller = new AbortController()
  if (isAborting) incoming.socket.on('close', () => controller.abort(new Error('the client went away')))
  const body = Readable.toWeb(incoming) as ReadableStream<Uint8Array>
  const headers = new Headers(Object.entries(incoming.headers) as [string, string][])
  const { signal } = controller
  return new Request(`http://backend.test${incoming.url}`, { method: 'POST', headers, body, duplex: 'half', signal })
}

async function outcomeOf(request: Request, maxBytes: number): Promise<string> {
  try {
    const body = await readBody(request, { maxBytes })
    return body.kind === 'json'
      ? `json ${JSON.stringify(body.value)}`
      : `form ${JSON.stringify(body.parts.map(({ name, value }) => [name, value]))}`
  } catch (error) {
    if (error instanceof HttpRefusal) return `${error.status} ${error.code}`
    return `thrown ${(error as Error).message}`
  }
}
