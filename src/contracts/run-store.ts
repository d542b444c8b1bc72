import type { JsonObject, JsonValue } from './json.js'
import type { SlotAnswer, SlotTerms } from './shared-slots.js'
import type { SavedNote, StoredNote } from './stored-note.js'

/**
 * The system of record for runs. Every method may be called from many processes at once, and resolves when its effect is durable.
 *
 * A store keeps states unchanged and reads only the fields of {@link StoredRun}, at every save. An operation that fails because
 * the store is unavailable rejects with any error; a run whose state is broken rejects with a `RunStateError` that is not
 * retryable.
 */
export interface RunStore {
  /** Saves a new run as version 1. Resolves to `false`, and changes nothing, when the id exists. */
  create(id: string, state: StoredRun): Promise<boolean>
  /** The newest state with its version; `undefined` for an unknown id. */
  load(id: string): Promise<LoadedRun | undefined>
  /**
   * Replaces the state if its version is still `version`, and resolves to the new version.
   * @throws FencedError when another process saved in between.
   */
  save(id: string, version: number, state: StoredRun): Promise<number>
  /**
   * Saves only when a run is due next and the readings of its job: state and version stay. Until the next save, `load` returns
   * the state with this `wakeAt`, and the readings beside it.
   * @throws FencedError when `version` is not the newest.
   */
  reschedule(id: string, version: number, wakeAt: number, readings: readonly JsonValue[]): Promise<void>
  /** Makes a run the only claimant of a key. Resolves to `true` for the claimant, also when it claims the key again. */
  claim(namespace: string, key: string, runId: string): Promise<boolean>
  /** Ids of running runs whose `wakeAt` is at or before an instant, the most overdue first, by id among equals, at most `limit`. */
  due(before: number, limit: number, options?: DueOptions): Promise<readonly string[]>
  /**
   * Records that a worker is alive: its beat expires `ttlMs` from now by the clock of the store. One write for all runs of the
   * worker.
   * @throws InvalidRequestError when `ttlMs` is not a finite number above 0.
   */
  heartbeat(worker: string, ttlMs: number): Promise<void>
  /** Removes the beat of a worker that stops, which frees its runs at once. Does nothing for an unknown worker. */
  retire(worker: string): Promise<void>
  /**
   * The versions of many runs in one operation, in the order of `ids`; `undefined` for an unknown id. A worker uses it to detect
   * that another process saved one of its runs; without it the worker loads each run.
   */
  versions?(ids: readonly string[]): Promise<readonly (number | undefined)[]>
  /**
   * Writes the progress of the runs of a worker in one write. Not fenced: the last report counts while the run names that worker.
   * Entries of unknown runs are ignored.
   */
  report?(worker: string, entries: readonly RunReport[]): Promise<void>
  /**
   * Ids of runs by start time, for lists of jobs. Without it, a run whose lookup finds a job goes to review, because an ended run
   * may have paid for that job.
   */
  list?(query: RunQuery): Promise<readonly string[]>
  /**
   * Keeps bytes for a run. Bytes with several references are kept once.
   * @throws InvalidRequestError when the SHA-256 of `bytes` is not `sha256` (64 lower-case hexadecimal digits).
   */
  putMedia?(runId: string, sha256: string, bytes: Uint8Array): Promise<void>
  /** Bytes that a run refers to; `undefined` if the store does not have them. */
  getMedia?(sha256: string): Promise<Uint8Array | undefined>
  /** Removes the references of a run; bytes are removed with their last reference. Does nothing for a run without media. */
  dropMedia?(runId: string): Promise<void>
  /**
   * Forgets runs that completed or failed before an instant, with their media, and resolves to how many. A run in review stays.
   * Of a run with `isCallerId`, the result of `retainedRun` stays for 24 hours after its end. Claims stay for 24 hours after
   * their run was forgotten.
   */
  prune?(query: PruneQuery): Promise<number>
  /**
   * Adds events to the log of a run, all or none, in one operation; ascending by `sequence`. Resolves to `undefined` when the log
   * now ends with them, also when it did before, so that a call can be repeated. If the log has an event whose sequence is not
   * below the first of them, nothing is added, and it resolves to the newest sequence of the log. Events of a run that
   * is unknown, or that `prune` shortened, are ignored.
   *
   * `appendEvents`, `readEvents` and `followEvents` belong together: a store has all three or none. A log keeps at least the newest
   * 1,000 events of a run, and is removed when `prune` forgets or shortens the run.
   */
  appendEvents?(id: string, events: readonly StoredEvent[]): Promise<number | undefined>
  /** The events of a run with a sequence above `after` (-1 for all), ascending, at most `limit`; none for an unknown run. */
  readEvents?(id: string, after: number, limit: number): Promise<readonly StoredEvent[]>
  /**
   * Calls a listener with the id of each run whose log gets events, from any process, once they can be read; with `undefined` when
   * calls may be missing, such as after a lost connection: then any run may have events. A call may be repeated or late. Resolves
   * when the listener is called. A store object needs one connection, however many listeners it has.
   */
  followEvents?(listener: (id: string | undefined) => void): Promise<EventSubscription>
  /**
   * The note of a key; `undefined` for an unknown or expired one. Notes are small JSON beside the runs that processes share, such as
   * a webhook that waits to be sent. `prune` does not touch them: each has its own expiry.
   *
   * `readNote`, `saveNote` and `dueNotes` belong together: a store has all three or none. Without them a handler keeps such data in
   * the memory of its process.
   */
  readNote?(namespace: string, key: string): Promise<SavedNote | undefined>
  /**
   * Replaces the note of a key if its version is still `version`, 0 for a key without a note, and resolves to the new version. Resolves
   * to `undefined`, and changes nothing, when the version is another one. No two saves of a key have the same version.
   * @throws InvalidRequestError when a time of the note is invalid.
   */
  saveNote?(namespace: string, key: string, version: number, note: StoredNote): Promise<number | undefined>
  /**
   * Keys of notes that are due and not expired, the most overdue first, at most `limit`.
   * @param after - Key after which to continue; an unknown or expired one returns no keys.
   */
  dueNotes?(namespace: string, limit: number, after?: string): Promise<readonly string[]>
  /**
   * Gives a holder one of the places of a limit, or extends the one that it has; in one atomic operation, by the clock of the store.
   * A place that was not extended in time is free. While the limit rests, no new place is given.
   *
   * `takeSlot`, `keepSlots` and `restSlots` belong together: a store has all three or none.
   */
  takeSlot?(limit: string, holder: string, terms: SlotTerms): Promise<SlotAnswer>
  /**
   * Extends the places of holders to `ttlMs` from now, whatever the terms are, also of a holder whose place has expired. 0 frees
   * them at once.
   */
  keepSlots?(limit: string, holders: readonly string[], ttlMs: number): Promise<void>
  /** Gives no new place for `ms` milliseconds from now. A longer rest stays. */
  restSlots?(limit: string, ms: number): Promise<void>
}

/** The methods of limits that many processes share. */
export type SlotMethod = 'takeSlot' | 'keepSlots' | 'restSlots'

/** The methods of the event log. */
export type EventMethod = 'appendEvents' | 'readEvents' | 'followEvents'

/** The methods of notes. */
export type NoteMethod = 'readNote' | 'saveNote' | 'dueNotes'

/** An event of the log of a run: JSON, with a `sequence` from 0. */
export type StoredEvent = JsonObject & { readonly sequence: number }

/** A listener of {@link RunStore.followEvents}. */
export interface EventSubscription {
  /** The listener is no longer called; the last one closes the connection. */
  close(): Promise<void>
}

/** A run as {@link RunStore.load} returns it. */
export interface LoadedRun {
  /** Number of the save, from 1. */
  readonly version: number
  /** The saved state. */
  readonly state: StoredRun
  /** What {@link RunStore.reschedule} saved since the state was saved. */
  readonly readings?: readonly JsonValue[] | undefined
  /** The last report of the worker that the state names. */
  readonly progress?: JsonObject | undefined
  /** The beat of the worker that the state names; `undefined` if the store has none. */
  readonly beat?: WorkerBeat | undefined
}

/** The last heartbeat of a worker. */
export interface WorkerBeat {
  /** Changes with every beat. */
  readonly number: number
  /** How long the beat lasts as the worker announced it, in milliseconds. */
  readonly ttlMs: number
  /** Whether it has expired by the clock of the store. */
  readonly isExpired: boolean
}

/** Which runs {@link RunStore.due} returns. */
export interface DueOptions {
  /**
   * Id of the run after which to continue. An id that the store does not know, or that is not running, returns no runs.
   * @defaultValue from the most overdue run on
   */
  readonly after?: string | undefined
  /**
   * Whether to skip runs whose worker has a beat that has not expired by the clock of the store.
   * @defaultValue `false`
   */
  readonly isFree?: boolean | undefined
}

/** Progress of one run, for {@link RunStore.report}. */
export interface RunReport {
  /** Id of the run. */
  readonly id: string
  /** Progress of its current stage. */
  readonly progress: JsonObject
}

/** Which runs {@link RunStore.prune} forgets. */
export interface PruneQuery {
  /**
   * Any number of epoch milliseconds: runs whose `endedAt` is before it are forgotten, later ones are kept. A run without
   * `endedAt` counts as ended in 1970.
   */
  readonly endedBefore: number
  /**
   * The current time in epoch milliseconds, from which the 24 hours are counted. A run with a caller's id that ended within them
   * leaves the result of `retainedRun`; an older one leaves nothing.
   */
  readonly now: number
}

/**
 * Which runs `RunStore.list` returns: all runs that were not removed, of any status, by `startedAt` and then by id.
 * `newest-first` is the reverse of `oldest-first`. A reader that continues after the last run of each page sees every run once,
 * however many start meanwhile.
 */
export interface RunQuery {
  /** Returns only runs of this owner. @defaultValue runs of every owner */
  readonly owner?: string | undefined
  /** Order by start time. */
  readonly order: 'newest-first' | 'oldest-first'
  /**
   * Id of the run after which to continue; an unknown id returns no runs. It is only a position: the run may belong to another
   * owner, or be removed. `pipeline.list` returns no runs after a run of another owner than `owner`.
   * @defaultValue from the beginning
   */
  readonly after?: string | undefined
  /**
   * Whether to include removed runs. Lookups need them, because a removed run may have paid for a job.
   * @defaultValue `false`
   */
  readonly withRemoved?: boolean | undefined
  /**
   * Maximum number of ids, a whole number above 0. Further runs are on the next page, which starts after the last id of this one.
   */
  readonly limit: number
}

/**
 * State of a run: JSON without secrets. A store reads only the fields that are named here. Each may change with the next save.
 */
export type StoredRun = JsonObject & {
  /** Only a person can continue a run with `needs-review`: nothing is submitted again automatically. */
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review'
  /** When its next step is due, in epoch milliseconds. */
  readonly wakeAt: number
  /** The worker that holds the run, if any. */
  readonly worker?: string | undefined
  /** When it started, in epoch milliseconds; a state without it counts as started in 1970. */
  readonly startedAt?: number | undefined
  /** When it ended, in epoch milliseconds. */
  readonly endedAt?: number | undefined
  /** Tenant of the run, for lists by owner; the empty text is an owner as well. */
  readonly owner?: string | undefined
  /** When it was removed, in epoch milliseconds, 0 included: `list` skips it, `load` and `due` do not. */
  readonly removedAt?: number | undefined
  /** When the input of the run was erased, in epoch milliseconds: a store keeps no earlier version of such a run. */
  readonly erasedAt?: number | undefined
  /** Whether the caller chose the id, so that the same id may be used again: see {@link RunStore.prune}. */
  readonly isCallerId?: boolean | undefined
}
