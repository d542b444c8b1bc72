import type { EventSubscription } from '../contracts/run-store.js'

/** Called with the id of a run that has new events, or with `undefined` when calls may be missing. */
export type Ring = (id: string | undefined) => void

/** Opens a connection that hears of new events, and resolves to the function that closes it. */
export type OpenDoorbell = (ring: Ring) => Promise<() => Promise<void>>

/** Lets any number of listeners share one connection, which is open while there are any. */
export function doorbell(open: OpenDoorbell): (listener: Ring) => Promise<EventSubscription> {
  let shared: { readonly listeners: Set<Ring>; readonly opened: Promise<() => Promise<void>> } | undefined

  const start = () => {
    const listeners = new Set<Ring>()
    const opened = open((id) => {
      for (const listen of listeners) listen(id)
    })
    const started = { listeners, opened }
    opened.catch(() => {
      if (shared === started) shared = undefined // The next listener tries again.
    })
    return started
  }

  return async (listener) => {
    shared ??= start()
    const { listeners, opened } = shared
    // The same function may listen twice.
    const listen: Ring = (id) => listener(id)
    listeners.add(listen)
    const close = await opened
    return {
      async close() {
        if (!listeners.delete(listen) || listeners.size > 0) return
        if (shared?.listeners === listeners) shared = undefined
        await close()
      },
    }
  }
}
