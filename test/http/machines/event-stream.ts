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
  /** Resolves when the server has ended the stream. */
  readonly ended: Promise<void>
  close(): void
}

/** Opens a stream of events. */
export async function openEvents(url: string, lastId?: string): Promise<EventStream> {
  const controller = new AbortController()
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
  const response = await fetch(url, { headers, signal: controller.signal })
  const events: StreamedEvent[] = []
  const waiting = new Set<() => void>()
  const look = () => {
    for (const check of waiting) check()
  }
  const parser = createParser({
    onEvent: ({ id = '', event = '', data }) => {
      events.push({ id, event, data: JSON.parse(data), arrivedAt: Date.now() })
      look()
    },
  })
  let isOver = false
  const read = async () => {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }))
    } catch {
      // Cut, by the test or with its server.
    }
    isOver = true
    look()
  }
  const ended = read()
  return {
    status: response.status,
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
    close: () => controller.abort(),
  }
}
