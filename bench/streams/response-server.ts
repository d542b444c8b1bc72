import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createHandler } from 'sora-pipeline/http'
import type { Served } from '../harness/serve-module.ts'
import { fedRunner } from './fed-run.ts'
import { type FedStream, fedServer } from './fed-server.ts'

/** The same chat streams as Fetch responses, which a server that is not ours reads and writes chunk by chunk. */
export function serve(): Served {
  const streams: FedStream[] = []
  const handler = createHandler(fedRunner(streams), { apiKeys: ['bench-key'] })
  return fedServer(streams, async (request, response) => {
    const { headers } = request
    const body = await bodyOf(request)
    const answer = await handler(
      new Request(`http://${headers.host}${request.url}`, {
        method: 'POST',
        headers: { ...fetchHeaders(request) },
        body,
      }),
    )
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).flushHeaders()
    for await (const chunk of answer.body ?? []) if (!response.write(chunk)) await once(response, 'drain')
    response.end()
  })
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  return body
}

function fetchHeaders({ headers }: IncomingMessage): Record<string, string> {
  return { authorization: headers.authorization ?? '', 'content-type': headers['content-type'] ?? '' }
}
