import { sendNodeResponse } from 'sora-pipeline/http'
import type { Served } from '../harness/serve-module.ts'
import { eventText, type FedStream, fedServer } from './fed-server.ts'

/** A Fetch response of any origin, which `sendNodeResponse` writes. */
export function serve(): Served {
  const streams: FedStream[] = []
  const encoder = new TextEncoder()
  return fedServer(streams, (request, response) => {
    request.resume()
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        streams.push({ send: (stamp) => controller.enqueue(encoder.encode(`data: ${eventText(stamp)}\n\n`)) })
      },
    })
    const headers = { 'content-type': 'text/event-stream; charset=utf-8' }
    return sendNodeResponse(response, new Response(body, { headers }))
  })
}
