import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault } from './fault.js'
import { openAiError } from './openai-error.js'
import { jsonReply, type Reply, sliceBody, textReply } from './reply.js'

/** How one request is answered. */
export interface Delivery {
  readonly response: ServerResponse
  /** Does what the request asks for; not called when a fault comes first. */
  readonly handle: () => Promise<Reply>
  readonly fault: Fault | undefined
  /** Aborted when the client goes away or the server closes. */
  readonly signal: AbortSignal
  /** Told before the headers are sent. */
  readonly onStatus: (status: number) => void
}

/** Answers a request, or fails to in the way of its fault. Resolves when nothing more will be sent. */
export async function deliver(delivery: Delivery): Promise<void> {
  const { response, handle, fault, signal } = delivery
  switch (fault?.kind) {
    case undefined:
      return send(delivery, await handle())
    case 'status':
      return send(delivery, statusReply(fault))
    case 'rate-limit':
      return send(delivery, rateLimitReply(fault.retryAfterSeconds))
    case 'not-synced':
      return send(delivery, textReply(404, 'Not found'))
    case 'html':
      return send(delivery, textReply(200, PAGE, 'text/html; charset=utf-8'))
    case 'slow': {
      const reply = await handle()
      await delay(fault.delayMs, undefined, { signal })
      return send(delivery, reply)
    }
    case 'hang':
      if (fault.when === 'after-handling') await handle()
      return
    case 'hang-body':
      return beginHalf(delivery, await handle())
    case 'reset':
      if (fault.when === 'after-handling') await handle()
      if (fault.when === 'in-body') await beginHalf(delivery, await handle())
      response.socket?.resetAndDestroy()
      return
    case 'truncated-json': {
      const reply = await handle()
      return send(delivery, { ...reply, body: sliceBody(reply.body, 0, halfOf(reply)) })
    }
    case 'wrong-length': {
      const reply = await handle()
      const promised = String(reply.body.byteLength + fault.extraBytes)
      // Without `close` the connection would stay open, and the client would wait for the rest.
      const headers = { ...reply.headers, 'content-length': promised, connection: 'close' }
      return send(delivery, { ...reply, headers })
    }
  }
}

async function send(delivery: Delivery, reply: Reply): Promise<void> {
  await begin(delivery, reply, reply.body.byteLength)
  delivery.response.end()
}

function beginHalf(delivery: Delivery, reply: Reply): Promise<void> {
  return begin(delivery, reply, halfOf(reply))
}

// Sends the headers and that many bytes of the body; the answer stays open.
async function begin({ response, onStatus }: Delivery, reply: Reply, byteLength: number): Promise<void> {
  if (response.destroyed) return
  onStatus(reply.status)
  response.writeHead(reply.status, { 'content-length': String(reply.body.byteLength), ...reply.headers })
  response.flushHeaders()
  if (response.req.method === 'HEAD') return
  for await (const chunk of reply.body.read(0, byteLength)) {
    if (!(await write(response, chunk))) return
  }
}

// Waits until the bytes have left the process, so that a reset that follows does not overtake them. Resolves to false when
// the client is gone.
function write(response: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    response.write(chunk, (error) => resolve(error === null || error === undefined))
  })
}

function halfOf(reply: Reply): number {
  return Math.floor(reply.body.byteLength / 2)
}

function statusReply({ status, body, headers = {} }: Fault & { readonly kind: 'status' }): Reply {
  if (typeof body === 'string') {
    const reply = textReply(status, body)
    return { ...reply, headers: { ...reply.headers, ...headers } }
  }
  if (body !== undefined) return jsonReply(status, body, headers)
  const type = status >= 500 ? 'server_error' : 'invalid_request_error'
  return openAiError(status, { message: `The sandbox answers with status ${status}`, type }, headers)
}

function rateLimitReply(retryAfterSeconds: number | undefined): Reply {
  const headers: Record<string, string> = {}
  if (retryAfterSeconds !== undefined) headers['retry-after'] = String(retryAfterSeconds)
  const fields = { message: 'Rate limit reached for requests', type: 'requests', code: 'rate_limit_exceeded' }
  return openAiError(429, fields, headers)
}

const PAGE = `<!doctype html>
<html lang="en">
  <head><title>Please wait</title></head>
  <body><h1>Please wait</h1><p>This page stands where an answer should be.</p></body>
</html>
`
