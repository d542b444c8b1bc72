import { createUIMessageStream, pipeUIMessageStreamToResponse } from 'ai'
import type { Served } from '../../harness/serve-module.ts'
import { eventText, type FedStream, fedServer } from '../../streams/fed-server.ts'

/** The stream of UI messages of the AI SDK, with its own way to a response of Node. */
export function serve(): Served {
  const streams: FedStream[] = []
  return fedServer(streams, (request, response) => {
    request.resume()
    const stream = createUIMessageStream({
      execute: async ({ writer }) => {
        // The head of the response leaves with the first part.
        writer.write({ type: 'start' })
        streams.push({ send: (stamp) => writer.write({ type: 'data-progress', data: eventText(stamp) }) })
        await new Promise<void>(() => undefined)
      },
    })
    pipeUIMessageStreamToResponse({ response, stream })
  })
}
