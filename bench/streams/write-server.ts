import type { Served } from '../harness/serve-module.ts'
import { eventText, type FedStream, fedServer } from './fed-server.ts'

/** The floor: a plain write of a text that is ready. */
export function serve(): Served {
  const streams: FedStream[] = []
  return fedServer(streams, (request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).flushHeaders()
    streams.push({ send: (stamp) => void response.write(`data: ${eventText(stamp)}\n\n`) })
  })
}
