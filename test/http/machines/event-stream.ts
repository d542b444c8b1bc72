import { Agent, get, type IncomingMessage } from 'node:http'
import { createParser } from 'eventsource-parser'

/** A frame of a stream. */
export interface StreamedEvent {
  readonly id: string
  readonly event: string
  readonly data: { readonly sequence: number; readonly at: number; readonly [name: string]: unknown }
  /** When it arrived, in epoch milliseconds. */
  readonly arrivedAt: number
}

/** An open stream of events. */
export interface EventStream {
  readonly status: number
  /** What has arrived. */
  readonly events: readonly StreamedEvent[]
  /** Resolves when the events so far fit; rejects when the stream ends before. */
  until(fits: (events: readonly StreamedEvent[]) => boolean): Promise<void>
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>
  close(): void
}

// Plain sockets: a thousand streams of `fetch` cost more than the server that they measure.
const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY })

/** Opens a stream of events. */
export async function openEvents(url: string, lastId?: string): Promise<EventStream> {
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, { agent, headers }, resolve).once('error', reject)
  })
  const events: StreamedEvent[] = []
  const waiting = new Set<() => void>()
  const look = () => {
    for (const check of waiting) check()
  }
  const parser = createParser({
    onEvent: ({ id = '', event = '', data }) => {
      events.push({ id, event, data: JSON.parse(data), arrivedAt: Date.now() })
    },
  })
  let isOver = false
  const ended = new Promise<void>((resolve) => {
    response.setEncoding('utf8').on('data', (text: string) => {
      parser.feed(text)
      look()
    })
    response.on('error', () => undefined) // Cut, by the test or with its server.
    response.once('close', () => {
      isOver = true
      look()
      resolve()
    })
  })
  return {
    status: Number(response.statusCode),
    events,
    ended,
    until: (fits) =>
      new Promise((resolve, reject) => {
        const check = () => {
          if (fits(events)) resolve()
          else if (isOver) reject(new Error(`The stream ended early, after: ${events.map(({ event }) => event)}`))
          else return
          waiting.delete(check)
        }
        waiting.add(check)
        check()
      }),
    close: () => response.destroy(),
  }
}
