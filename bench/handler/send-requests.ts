import { Agent, request } from 'node:http'

/** Requests of one kind, sent over a few connections that stay open. */
export interface Requests {
  readonly kind: 'models' | 'chat'
  readonly count: number
  /** Number of the first one; a chat request with a number that was sent before counts as a retry of its client. */
  readonly first: number
}

const CONNECTIONS = 16
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })

/** Sends all requests to a server and rejects unless each is answered with status 200. */
export async function sendRequests(origin: string, { kind, count, first }: Requests): Promise<void> {
  let next = first
  const sendSome = async () => {
    while (next < first + count) {
      const number = next
      next += 1
      await (kind === 'models' ? send(`${origin}/v1/models`) : send(`${origin}/v1/chat/completions`, chat(number)))
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, sendSome))
}

function chat(number: number): string {
  return JSON.stringify({
    model: 'sora-2',
    messages: [{ role: 'user', content: `A cat playing piano, take ${number}` }],
  })
}

function send(url: string, body?: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const headers = {
    authorization: 'Bearer bench-key',
    ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  }
  request(url, { agent, method: body === undefined ? 'GET' : 'POST', headers }, (response) => {
    const { statusCode } = response
    response.resume().on('end', () => {
      if (statusCode === 200) resolve()
      else reject(new Error(`Could not send a request: HTTP ${statusCode} of ${url}`))
    })
  })
    .on('error', reject)
    .end(body)
  return promise
}
