import type { Clock } from '../../contracts/clock.js'
import { backgroundOf, startTimer } from '../../timing/system-clock.js'
import type { Notes } from './shared-notes.js'

/** The beat of a process while clients wait at it, so that others know that it is alive. */
export interface DoorBeat {
  /** Name of the process in the store. */
  readonly id: string
  /** A client waits: resolves when the beat is in the store. */
  open(): Promise<void>
  /**
   * A client no longer waits.
   * @param act - Written first, and repeated until the store takes it; the process counts as dead meanwhile.
   */
  close(act?: () => Promise<void>): void
}

const NAMESPACE = 'doors'
const BEAT_MS = 3_000
// A process that died is known to be dead after it.
const DOOR_LEASE_MS = 10_000

/** Creates the beat of a process. It uses the store only while a client waits. */
export function doorBeat(notes: Notes, clock: Clock): DoorBeat {
  const id = crypto.randomUUID()
  let waiting = 0
  const unwritten = new Set<() => Promise<void>>()
  let timer: { stop(): void } | undefined
  let beating: Promise<void> | undefined
  let beatAt = Number.NEGATIVE_INFINITY

  const write = async () => {
    const startedAt = clock.monotonic()
    for (;;) {
      const saved = await notes.readNote(NAMESPACE, id)
      const note = { value: {}, dueInMs: DOOR_LEASE_MS, expiresInMs: DOOR_LEASE_MS }
      if ((await notes.saveNote(NAMESPACE, id, saved?.version ?? 0, note)) !== undefined) break
    }
    beatAt = startedAt
  }
  const beat = () => {
    beating ??= write().finally(() => {
      beating = undefined
    })
    return beating
  }
  const flush = async (act: () => Promise<void>) => {
    await act()
    unwritten.delete(act)
  }
  const tick = async () => {
    await Promise.all([...unwritten].map(flush))
    if (waiting > 0) await beat()
  }
  const plan = () => {
    if (timer !== undefined || (waiting === 0 && unwritten.size === 0)) return
    timer = startTimer(backgroundOf(clock), BEAT_MS, () => {
      tick()
        .catch(() => undefined) // The next one tries again; without a beat this process counts as dead.
        .finally(() => {
          timer = undefined
          plan()
        })
    })
  }

  return {
    id,
    async open() {
      waiting += 1
      try {
        if (unwritten.size === 0 && clock.monotonic() - beatAt >= BEAT_MS) await beat()
      } catch (error) {
        waiting -= 1
        throw error
      } finally {
        plan()
      }
    },
    close(act) {
      waiting -= 1
      if (act === undefined) return
      unwritten.add(act)
      flush(act).catch(() => undefined) // Repeated with the next beat.
      plan()
    },
  }
}

/** Number of the last beat of a process; `undefined` without one. */
export async function beatOf(notes: Notes, id: string): Promise<number | undefined> {
  return (await notes.readNote(NAMESPACE, id))?.version
}
