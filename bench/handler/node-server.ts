import { createServer, type ServerResponse } from 'node:http'
import type { Served } from '../harness/serve-module.ts'
import { chatAnswer, MODELS } from './plain-answers.ts'

/** The least that the same exchanges cost: node:http, which reads the body and answers without a run. */
export function serve(): Served {
  const server = createServer(async (request, response) => {
    if (request.headers.authorization !== 'Bearer bench-key') response.writeHead(401).end()
    else if (request.method === 'GET') send(response, MODELS)
    else {
      let body = ''
      for await (const chunk of request.setEncoding('utf8')) body += chunk
      send(response, chatAnswer(JSON.parse(body)))
    }
  })
  return { server }
}

function send(response: ServerResponse, answer: object): void {
  const text = JSON.stringify(answer)
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text)
}
