import type { RunStore, StoredEvent } from '../contracts/run-store.js'
import { doorbell, type Ring } from './doorbell.js'
import { MOST_EVENTS } from './server-events.js'

interface Kept {
  readonly sequence: number
  readonly json: string
}

/** The event logs of a store in memory. */
export type MemoryEvents = Pick<Required<RunStore>, 'appendEvents' | 'readEvents' | 'followEvents'> & {
  /** Removes the log of a run. */
  drop(id: string): void
}

/** Creates the event logs of the runs that `has` knows. */
export function memoryEvents(has: (id: string) => boolean): MemoryEvents {
  const logs = new Map<string, Kept[]>()
  let ring: Ring | undefined

  return {
    appendEvents: async (id, events) => {
      const [first] = events
      if (first === undefined || !has(id)) return undefined
      const log = logs.get(id) ?? []
      const added = events.map((event) => ({ sequence: event.sequence, json: JSON.stringify(event) }))
      const newest = log.at(-1)
      if (newest !== undefined && first.sequence <= newest.sequence) {
        return newest.json === added.at(-1)?.json ? undefined : newest.sequence
      }
      logs.set(id, log)
      log.push(...added)
      if (log.length > MOST_EVENTS) log.splice(0, log.length - MOST_EVENTS)
      // Not within the call of the appending run.
      Promise.resolve().then(() => ring?.(id))
      return undefined
    },
    readEvents: async (id, after, limit) => {
      const log = logs.get(id) ?? []
      const start = log.findLastIndex(({ sequence }) => sequence <= after) + 1
      return log.slice(start, start + limit).map(({ json }) => JSON.parse(json) as StoredEvent)
    },
    followEvents: doorbell(async (listen) => {
      ring = listen
      return async () => {
        if (ring === listen) ring = undefined
      }
    }),
    drop: (id) => {
      logs.delete(id)
    },
  }
}
