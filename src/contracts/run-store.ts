import type { JsonObject } from './json.js'

/**
 * Where the truth about runs is kept. Every method may be called from many processes at once.
 *
 * A store keeps states as they are and reads the fields that {@link StoredRun} names, at every save anew. The rest is the
 * pipeline's.
 */
export interface RunStore {
  /** Saves a new run as version 1. Resolves to `false`, and changes nothing, when the id exists. */
  create(id: string, state: StoredRun): Promise<boolean>
  /** The newest state and its version, or `undefined` for an unknown id. */
  load(id: string): Promise<{ readonly version: number; readonly state: StoredRun } | undefined>
  /**
   * Replaces the state if its version is still `version`, and resolves to the new version.
   * @throws FencedError when another process saved in between.
   */
  save(id: string, version: number, state: StoredRun): Promise<number>
  /** Makes `runId` the only owner of a key. Resolves to `true` for the owner, also when it asks again. */
  claim(namespace: string, key: string, runId: string): Promise<boolean>
  /** Ids of running runs whose `wakeAt` is at or before an instant, the most overdue first, at most `limit`. */
  due(before: number, limit: number): Promise<readonly string[]>
  /** Ids of runs by when they started, for lists of jobs; a store may lack it. */
  list?(query: RunQuery): Promise<readonly string[]>
}

/**
 * Which runs `RunStore.list` gives: those that were not removed, whatever became of them, by `startedAt`, and by id among those
 * of one instant. `newest-first` is `oldest-first` backwards. So whoever goes on after the last run of each page meets every run
 * once, however many start meanwhile.
 */
export interface RunQuery {
  /** Only runs of this owner; without it those of everybody. */
  readonly owner?: string | undefined
  readonly order: 'newest-first' | 'oldest-first'
  /**
   * Id of the run after which to go on; an id that the store does not know gives nothing. It is a place in the order and no
   * more: the run may be of another owner, or removed.
   */
  readonly after?: string | undefined
  /** At most this many, a whole number above 0. */
  readonly limit: number
}

/**
 * State of a run: JSON without secrets. A store reads the fields that are named here and nothing else. Any of them may be
 * another at the next save.
 */
export type StoredRun = JsonObject & {
  /** `needs-review` is a run that only a person can go on with: nothing may be submitted again by itself. */
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review'
  /** When its next step is due, in epoch milliseconds. */
  readonly wakeAt: number
  /** When it started, in epoch milliseconds; a state without it counts as one of 1970. */
  readonly startedAt?: number | undefined
  /** Whose run it is, for lists of one owner's; the empty text is an owner as well. */
  readonly owner?: string | undefined
  /** When it was taken off the lists, in epoch milliseconds, 0 included: `list` leaves it out, `load` and `due` do not. */
  readonly removedAt?: number | undefined
}
