import type { RunStore, StoredEvent } from '../contracts/run-store.js'
import { doorbell, type OpenDoorbell } from './doorbell.js'
import { fromText, toText } from './run-columns.js'
import type { ServerWork } from './server-work.js'

/** Number of events that a store keeps of a run at most: the newest. */
export const MOST_EVENTS = 10_000

/** An event as a row. */
export interface EventRow {
  readonly sequence: number
  /** JSON. */
  readonly event: string
}

/** What a server does for the event log of a store. Ids are in the form of `toText`. */
export interface ServerEvents {
  /** Adds events and rings, in one operation, if the first is above the newest one; otherwise resolves to the newest one. */
  append(id: string, rows: readonly EventRow[]): Promise<EventRow | undefined>
  /** Events as JSON. */
  read(id: string, after: number, limit: number): Promise<readonly string[]>
  /** Rings with ids as they are in the database. */
  readonly open: OpenDoorbell
}

/** The event log of a store on a server. */
export function serverEvents(
  { append, read, open }: ServerEvents,
  work: ServerWork,
): Pick<Required<RunStore>, 'appendEvents' | 'readEvents' | 'followEvents'> {
  const follow = doorbell((ring) => open((id) => ring(id === undefined ? undefined : fromText(id))))
  return {
    appendEvents: (id, events) =>
      work('save the events', id, async () => {
        const rows = events.map((event) => ({ sequence: event.sequence, event: JSON.stringify(event) }))
        if (rows.length === 0) return undefined
        const newest = await append(toText(id), rows)
        // The log has the events already: their first save had its effect.
        return newest?.event === rows.at(-1)?.event ? undefined : newest?.sequence
      }),

    readEvents: (id, after, limit) =>
      work('read the events', id, async () => {
        const texts = await read(toText(id), after, Math.min(limit, MOST_EVENTS))
        return texts.map((text) => JSON.parse(text) as StoredEvent)
      }),

    followEvents: (listener) => work('follow the events', 'runs', () => follow(listener)),
  }
}
