import type { Clock } from '../../contracts/clock.js'
import type { JsonObject } from '../../contracts/json.js'
import type { StoredNote } from '../../contracts/stored-note.js'
import { type RunPlaces, tooManyRuns } from '../routes/run-places.js'
import { changeNote, type SharedStore } from './shared-notes.js'

/** A run with a place, and when it got it. */
interface Place {
  readonly id: string
  readonly at: number
}

const NAMESPACE = 'places'
// Longer than any run takes.
const KEPT_MS = 30 * 86_400_000
// A run that the store does not know yet may be about to be created.
const GRACE_MS = 60_000

/**
 * Counts the unfinished runs of each owner in the store, exactly. A place is taken by compare-and-set before the run is created, and
 * given back when another run needs it: then the runs with a place are read, and those that ended lose it.
 */
export function sharedPlaces(
  maxRunsPerOwner: number,
  { notes, load }: SharedStore,
  clock: Pick<Clock, 'now'>,
): RunPlaces {
  const isTaken = async ({ id, at }: Place): Promise<boolean> => {
    const status = (await load(id))?.state.status
    return status === undefined ? clock.now() - at < GRACE_MS : status === 'running'
  }
  const stillTaken = async (places: readonly Place[]): Promise<readonly Place[]> => {
    const taken = await Promise.all(places.map(isTaken))
    return places.filter((_, index) => taken[index])
  }

  const take = async (owner: string, id: string): Promise<void> => {
    for (;;) {
      const saved = await notes.readNote(NAMESPACE, owner)
      let places = placesOf(saved?.value)
      if (places.some((place) => place.id === id)) return
      if (places.length >= maxRunsPerOwner) places = await stillTaken(places)
      if (places.length >= maxRunsPerOwner) throw tooManyRuns(places.length)
      const note = noteOf([...places, { id, at: clock.now() }])
      if ((await notes.saveNote(NAMESPACE, owner, saved?.version ?? 0, note)) !== undefined) return
    }
  }

  const release = (owner: string, id: string) =>
    changeNote(notes, NAMESPACE, owner, (value) => noteOf(placesOf(value).filter((place) => place.id !== id)))

  return {
    async begin({ owner, id }, start) {
      await take(owner, id)
      try {
        return await start()
      } catch (error) {
        // Without the store it is given back with the next look, after its time.
        await release(owner, id).catch(() => undefined)
        throw error
      }
    },
  }
}

function placesOf(value: JsonObject | undefined): readonly Place[] {
  const { places = [] } = Object(value) as { readonly places?: readonly Place[] }
  return places
}

function noteOf(places: readonly Place[]): StoredNote {
  return { value: { places: places.map(({ id, at }) => ({ id, at })) }, dueInMs: KEPT_MS, expiresInMs: KEPT_MS }
}
