import type { Clock } from '../contracts/clock.js'
import type { NoteMethod, RunStore } from '../contracts/run-store.js'
import { checkNote } from './store-input.js'

interface Kept {
  readonly namespace: string
  readonly key: string
  readonly version: number
  readonly json: string
  readonly dueAt: number
  readonly expiresAt: number
}

// How many notes may be added before expired ones are removed.
const SWEPT_AFTER = 1000

/** Notes in the memory of the process; only `monotonic()` of the clock is used. */
export function memoryNotes(clock: Pick<Clock, 'monotonic'>): Pick<Required<RunStore>, NoteMethod> {
  const notes = new Map<string, Kept>()
  let saves = 0
  let sweptAt = SWEPT_AFTER

  const nameOf = (namespace: string, key: string) => JSON.stringify([namespace, key])
  const noteOf = (name: string): Kept | undefined => {
    const note = notes.get(name)
    return note && note.expiresAt > clock.monotonic() ? note : undefined
  }
  const sweep = () => {
    if (notes.size < sweptAt) return
    const now = clock.monotonic()
    for (const [name, { expiresAt }] of notes) if (expiresAt <= now) notes.delete(name)
    sweptAt = notes.size * 2 + SWEPT_AFTER
  }

  return {
    readNote: async (namespace, key) => {
      const note = noteOf(nameOf(namespace, key))
      return note && { version: note.version, value: JSON.parse(note.json) }
    },
    saveNote: async (namespace, key, version, note) => {
      checkNote(note)
      const name = nameOf(namespace, key)
      if ((noteOf(name)?.version ?? 0) !== version) return undefined
      saves += 1
      const now = clock.monotonic()
      const times = { dueAt: now + note.dueInMs, expiresAt: now + note.expiresInMs }
      if (note.expiresInMs === 0) notes.delete(name)
      else notes.set(name, { namespace, key, version: saves, json: JSON.stringify(note.value), ...times })
      sweep()
      return saves
    },
    dueNotes: async (namespace, limit, after) => {
      const now = clock.monotonic()
      const last = after === undefined ? undefined : noteOf(nameOf(namespace, after))
      if (after !== undefined && last === undefined) return []
      return [...notes.values()]
        .filter((note) => note.namespace === namespace && note.dueAt <= now && note.expiresAt > now)
        .filter((note) => last === undefined || byDue(note, last) > 0)
        .sort(byDue)
        .slice(0, limit)
        .map(({ key }) => key)
    },
  }
}

function byDue(a: Kept, b: Kept): number {
  return a.dueAt - b.dueAt || a.version - b.version
}
