import type { JsonObject, JsonValue } from './json.js'

/**
 * Where the truth about runs is kept. Every method may be called from many processes at once, and resolves when its effect is
 * durable.
 *
 * A store keeps states unchanged and reads only the fields that {@link StoredRun} names, again at every save. An operation that
 * fails because the store is unavailable rejects with any error; a run whose state is broken rejects with a `RunStateError` that is
 * not retryable.
 */
export interface RunStore {
  /** Saves a new run as version 1. Resolves to `false`, and changes nothing, when the id exists. */
  create(id: string, state: StoredRun): Promise<boolean>
  /** The newest state with its version, or `undefined` for an unknown id. */
  load(id: string): Promise<LoadedRun | undefined>
  /**
   * Replaces the state if its version is still `version`, and resolves to the new version.
   * @throws FencedError when another process saved in between.
   */
  save(id: string, version: number, state: StoredRun): Promise<number>
  /**
   * Saves when a run is due next, and the readings of its job, and nothing else: state and version stay. `load` then gives the state
   * with this `wakeAt`, and the readings beside it, until the next save.
   * @throws FencedError when `version` is not the newest.
   */
  reschedule(id: string, version: number, wakeAt: number, readings: readonly JsonValue[]): Promise<void>
  /** Makes a run the only claimant of a key. Resolves to `true` for the claimant, also when it claims again. */
  claim(namespace: string, key: string, runId: string): Promise<boolean>
  /** Ids of running runs whose `wakeAt` is at or before an instant, the most overdue first, by id among equals, at most `limit`. */
  due(before: number, limit: number, options?: DueOptions): Promise<readonly string[]>
  /**
   * Records that a worker is alive: its beat expires `ttlMs` from now by the clock of the store. One write, however many runs the
   * worker holds.
   * @throws InvalidRequestError when `ttlMs` is not a finite number above 0.
   */
  heartbeat(worker: string, ttlMs: number): Promise<void>
  /** Removes the beat of a worker that stops: its runs are free at once. Does nothing for an unknown worker. */
  retire(worker: string): Promise<void>
  /**
   * The versions of many runs in one operation, `undefined` for an unknown id, in the order of `ids`. A worker learns by it that another
   * process saved one of its runs; without it each run is loaded instead.
   */
  versions?(ids: readonly string[]): Promise<readonly (number | undefined)[]>
  /**
   * Writes the progress of runs that a worker holds, in one write. Unfenced: the last report counts while the run names that
   * worker. Entries of unknown runs are ignored.
   */
  report?(worker: string, entries: readonly RunReport[]): Promise<void>
  /**
   * Ids of runs by when they started, for lists of jobs. Without it, a run whose lookup finds a job goes to review: it is not known whether
   * a run that has ended may have paid for that.
   */
  list?(query: RunQuery): Promise<readonly string[]>
  /**
   * Keeps bytes for a run. Bytes that several runs refer to are kept once.
   * @throws InvalidRequestError when the SHA-256 of `bytes` is not `sha256` (64 lower-case hexadecimal digits).
   */
  putMedia?(runId: string, sha256: string, bytes: Uint8Array): Promise<void>
  /** Bytes that some run refers to; `undefined` when there are none. */
  getMedia?(sha256: string): Promise<Uint8Array | undefined>
  /** Removes what a run refers to; bytes go with their last reference. Does nothing for a run without media. */
  dropMedia?(runId: string): Promise<void>
  /**
   * Forgets runs that completed or failed before an instant, with their media, and resolves to how many. A run in review stays. Of a
   * run with `isCallerId` what `retainedRun` gives stays for 24 hours after its end; its claims stay for 24 hours after it was
   * forgotten.
   */
  prune?(query: PruneQuery): Promise<number>
}

/** A run as {@link RunStore.load} gives it. */
export interface LoadedRun {
  /** Counts the saves, from 1. */
  readonly version: number
  /** The state as it was saved. */
  readonly state: StoredRun
  /** What {@link RunStore.reschedule} saved since the state was saved. */
  readonly readings?: readonly JsonValue[] | undefined
  /** What the worker that the state names reported last. */
  readonly progress?: JsonObject | undefined
  /** Of the worker that the state names; `undefined` when the store has none. */
  readonly beat?: WorkerBeat | undefined
}

/** The last sign of life of a worker. */
export interface WorkerBeat {
  /** Another one after every beat. */
  readonly number: number
  /** How long the worker said that it lasts, in milliseconds. */
  readonly ttlMs: number
  /** Whether it has expired by the clock of the store. */
  readonly isExpired: boolean
}

/** Which runs {@link RunStore.due} gives. */
export interface DueOptions {
  /**
   * Id of the run after which to continue; an id that the store does not know, or that is not running, gives nothing.
   * @defaultValue from the most overdue run on
   */
  readonly after?: string | undefined
  /**
   * Whether to leave out runs whose worker has a beat that has not expired by the clock of the store.
   * @defaultValue `false`
   */
  readonly isFree?: boolean | undefined
}

/** Progress of one run, for {@link RunStore.report}. */
export interface RunReport {
  /** Id of the run. */
  readonly id: string
  /** Progress of its present stage. */
  readonly progress: JsonObject
}

/** Which runs {@link RunStore.prune} forgets. */
export interface PruneQuery {
  /**
   * Epoch milliseconds, any number: runs whose `endedAt` is before it are forgotten, later ones are kept. A run without
   * `endedAt` counts as one that ended in 1970.
   */
  readonly endedBefore: number
  /**
   * Epoch milliseconds of the present instant, from which the 24 hours are counted; a run of a caller's id that ended within
   * them leaves what `retainedRun` gives, an older one leaves nothing.
   */
  readonly now: number
}

/**
 * Which runs `RunStore.list` gives: those that were not removed, whatever became of them, by `startedAt`, and by id among those
 * of one instant. `newest-first` is `oldest-first` backwards. A reader that continues after the last run of each page meets every
 * run once, however many start meanwhile.
 */
export interface RunQuery {
  /** Gives only runs of this owner. @defaultValue runs of every owner */
  readonly owner?: string | undefined
  /** By when the runs started: the newest or the oldest first. */
  readonly order: 'newest-first' | 'oldest-first'
  /**
   * Id of the run after which to continue; an id that the store does not know gives nothing. It is a place in the order
   * only: the run may be of another owner, or removed. `pipeline.list` gives nothing after a run of another owner than
   * `owner`.
   * @defaultValue from the beginning
   */
  readonly after?: string | undefined
  /**
   * Whether to give runs that were removed as well: lookups need them, since such a run may have paid for a job.
   * @defaultValue `false`
   */
  readonly withRemoved?: boolean | undefined
  /**
   * How many ids are given at most, a whole number above 0; further runs are on the next page, which begins after the last
   * id of this one.
   */
  readonly limit: number
}

/**
 * State of a run: JSON without secrets. A store reads the fields that are named here and nothing else. Each may have another value
 * at the next save.
 */
export type StoredRun = JsonObject & {
  /** `needs-review` is a run that only a person can continue: nothing may be submitted again automatically. */
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review'
  /** When its next step is due, in epoch milliseconds. */
  readonly wakeAt: number
  /** The worker that holds the run; absent when none does. */
  readonly worker?: string | undefined
  /** When it started, in epoch milliseconds; a state without it counts as one of 1970. */
  readonly startedAt?: number | undefined
  /** When it ended, in epoch milliseconds. */
  readonly endedAt?: number | undefined
  /** Tenant of the run, for lists of one owner's; the empty text is an owner as well. */
  readonly owner?: string | undefined
  /** When it was taken off the lists, in epoch milliseconds, 0 included: `list` leaves it out, `load` and `due` do not. */
  readonly removedAt?: number | undefined
  /** When the input of the run was erased, in epoch milliseconds: a store keeps no earlier version of such a run. */
  readonly erasedAt?: number | undefined
  /** Whether the caller chose the id, so that the same id may be given again: see {@link RunStore.prune}. */
  readonly isCallerId?: boolean | undefined
}
