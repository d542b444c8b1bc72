import { type EventRow, MOST_EVENTS, type ServerEvents } from '../server-events.js'
import { APPEND_EVENTS, READ_EVENTS } from './event-scripts.js'
import type { RunScript } from './redis-operations.js'
import { textOf, textsOf } from './redis-reply.js'
import type { SubscribeChannel } from './redis-subscription.js'

/** The event log of a store in Redis: a stream for each run, and one channel for all. */
export function redisEvents(run: RunScript, subscribe: SubscribeChannel, prefix: string): ServerEvents {
  const channel = `{${prefix}}:events`
  return {
    async append(id, rows) {
      const entries = rows.flatMap(({ sequence, event }) => [String(sequence + 1), event])
      const reply = await run(APPEND_EVENTS, [id, channel, String(MOST_EVENTS), ...entries])
      return reply === null ? undefined : newestOf(textsOf(reply))
    },
    async read(id, after, limit) {
      if (limit < 1) return []
      // The entry of `after` is `after + 1`.
      return textsOf(await run(READ_EVENTS, [id, String(Math.max(after, -1) + 2), String(limit)]))
    },
    open: (ring) => subscribe(channel, (message) => ring(message === undefined ? undefined : textOf(message))),
  }
}

function newestOf([entry, event]: readonly string[]): EventRow {
  return { sequence: Number(entry) - 1, event: String(event) }
}
