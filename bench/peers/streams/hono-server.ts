import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import type { Served } from '../../harness/serve-module.ts'
import { eventText, type FedStream, fedServer } from '../../streams/fed-server.ts'

/** hono's helper for server-sent events. */
export function serve(): Served {
  const streams: FedStream[] = []
  const app = new Hono()
  app.post('*', async (context) => {
    await context.req.json()
    return streamSSE(context, async (stream) => {
      streams.push({ send: (stamp) => void stream.writeSSE({ data: eventText(stamp) }) })
      await new Promise<void>(() => undefined)
    })
  })
  return fedServer(streams, getRequestListener(app.fetch))
}
