import type { Clock } from '../../contracts/clock.js'
import type { JsonObject } from '../../contracts/json.js'
import type { StoredNote } from '../../contracts/stored-note.js'
import { backgroundOf } from '../../timing/system-clock.js'
import type { Incoming } from '../incoming.js'
import { type Begun, isMarkedRetry, keyOf, type RepeatableCall } from '../routes/repeated-requests.js'
import { beatOf, type DoorBeat, doorBeat } from './door-beat.js'
import { changeNote, type Notes, type SharedStore } from './shared-notes.js'

/** Requests that a client may repeat at another process: see `RepeatedRequests`. */
export interface SharedRequests {
  /**
   * Notes the run of a request in the store, until it is answered, before the run is created. Resolves to the run of an earlier
   * identical request at another process that this one repeats, or to `id`. Waits, as long as a beat lasts at most, while it is
   * unknown whether the process of such a request is still alive.
   * @param joined - Whether `id` is already the run of an earlier request at this process.
   */
  begin(
    request: Incoming,
    call: RepeatableCall,
    run: { readonly id: string; readonly joined: boolean },
  ): Promise<string>
  /** Notes in the background how a request ended; `undefined` if it may not be joined. */
  end(request: Incoming, state: Begun['state'] | undefined): void
  /** The same for later, without the request, which an open stream must not hold. */
  ending(request: Incoming): (state: Begun['state'] | undefined) => void
}

/** A request in the store. */
interface Entry extends Pick<Begun, 'runId' | 'state' | 'endsWithSender' | 'at'> {
  /** The process that has its client. */
  readonly door: string
}

const NAMESPACE = 'requests'
// Of one content.
const MOST_KEPT = 100
const LONGEST_MS = 30 * 86_400_000
// Between two looks at a request whose process may be dead.
const LOOK_MS = 100
const PENDING = Symbol('pending')

/** Keeps requests in the store for `windowMs`. */
export function sharedRequests(
  { notes, load }: SharedStore,
  { windowMs, clock }: { readonly windowMs: number; readonly clock: Clock },
): SharedRequests {
  const keptMs = Math.min(windowMs, LONGEST_MS)
  const underWay = new WeakMap<Incoming, { readonly key: string; readonly runId: string }>()
  const door = doorBeat(notes, clock)

  const entriesIn = (value: JsonObject | undefined): readonly Entry[] => {
    const { requests = [] } = Object(value) as { readonly requests?: readonly Entry[] }
    return requests.filter(({ at }) => at + windowMs > clock.now())
  }
  const noteOf = (entries: readonly Entry[]): StoredNote => ({
    value: { requests: entries.slice(-MOST_KEPT).map((entry) => ({ ...entry })) },
    dueInMs: keptMs,
    expiresInMs: entries.length === 0 ? 0 : keptMs,
  })
  const setState = (key: string, runId: string, state: Begun['state'] | undefined) =>
    changeNote(notes, NAMESPACE, key, (value) => {
      const entries = entriesIn(value)
      const entry = entries.find((each) => each.runId === runId)
      if (entry === undefined) return undefined
      const others = entries.filter((each) => each !== entry)
      return noteOf(state === undefined ? others : [...others, { ...entry, state, at: clock.now() }])
    })

  const isRemoved = async (runId: string) => (await load(runId))?.state.removedAt !== undefined

  return {
    async begin(request, call, { id, joined }) {
      const key = keyOf(call)
      await door.open()
      try {
        const looks = new Map<string, number>()
        const gone = new Set<string>()
        for (;;) {
          const saved = await notes.readNote(NAMESPACE, key)
          const entries = entriesIn(saved?.value).filter(({ runId }) => !gone.has(runId))
          const found = joined ? id : await repeated(entries, call, { notes, door, looks })
          request.signal.throwIfAborted()
          if (found === PENDING) {
            await backgroundOf(clock).sleep(LOOK_MS, { signal: request.signal })
            continue
          }
          if (found !== undefined && !joined && (await isRemoved(found))) {
            gone.add(found)
            continue
          }
          const runId = found ?? id
          const { endsWithSender } = call
          const entry: Entry = { runId, door: door.id, state: 'waiting', endsWithSender, at: clock.now() }
          const note = noteOf([...entries.filter((each) => each.runId !== runId), entry])
          if ((await notes.saveNote(NAMESPACE, key, saved?.version ?? 0, note)) === undefined) continue
          underWay.set(request, { key, runId })
          return runId
        }
      } catch (error) {
        door.close()
        throw error
      }
    },
    end(request, state) {
      this.ending(request)(state)
    },
    ending(request) {
      const begun = underWay.get(request)
      underWay.delete(request)
      return (state) => {
        if (begun !== undefined) door.close(() => setState(begun.key, begun.runId, state))
      }
    },
  }
}

// The run that a request repeats; `PENDING` while that depends on a process that may be dead.
async function repeated(
  entries: readonly Entry[],
  call: RepeatableCall,
  { notes, door, looks }: { readonly notes: Notes; readonly door: DoorBeat; readonly looks: Map<string, number> },
): Promise<string | undefined | typeof PENDING> {
  const seen: Entry[] = []
  let isPending = false
  for (const entry of entries) {
    const isElsewhere = entry.state === 'waiting' && entry.door !== door.id
    const life = isElsewhere ? await lifeOf(entry.door, notes, looks) : 'alive'
    if (life === 'unknown') isPending = true
    // Its client lost the connection when the process died.
    seen.push(life === 'dead' ? { ...entry, state: 'unheard' } : entry)
  }
  const runOf = (state: Begun['state']) => seen.find((entry) => entry.state === state)?.runId
  const lost = runOf('unheard') ?? runOf('unclear')
  if (lost !== undefined) return lost
  if (isMarkedRetry(call)) return runOf('waiting') ?? runOf('given')
  return isPending ? PENDING : undefined
}

// A process is alive if its beat is another one than at the first look, and dead if it has none.
async function lifeOf(id: string, notes: Notes, looks: Map<string, number>): Promise<'alive' | 'dead' | 'unknown'> {
  const version = await beatOf(notes, id)
  if (version === undefined) return 'dead'
  const first = looks.get(id) ?? version
  looks.set(id, first)
  return first === version ? 'unknown' : 'alive'
}
