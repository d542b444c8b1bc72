import type { SlotAnswer } from '../contracts/shared-slots.ts'

/**
 * The operations of a database for a store, by name. Arguments and results may cross a thread, so they are plain data. Ids, keys,
 * owners and workers are in the form of {@link toText}.
 */
export interface StoreOperations {
  create(id: string, columns: RunColumns): boolean
  load(id: string): RunRow | undefined
  save(id: string, version: number, columns: RunColumns): SaveOutcome
  reschedule(id: string, version: number, wakeAt: number, readings: string): SaveOutcome
  claim(namespace: string, key: string, runId: string): boolean
  due(query: DueQuery): readonly string[]
  heartbeat(worker: string, ttlMs: number): void
  retire(worker: string): void
  versions(ids: readonly string[]): readonly (number | undefined)[]
  report(worker: string, entries: readonly ReportRow[]): void
  list(query: ListQuery): readonly string[]
  putMedia(runId: string, sha256: string, bytes: Uint8Array): MediaOutcome
  getMedia(sha256: string): Uint8Array | undefined
  dropMedia(runId: string): void
  prune(query: ForgetQuery): number
  readNote(namespace: string, key: string): NoteRow | undefined
  /** Gives the new version, `undefined` when another one is saved. */
  saveNote(namespace: string, key: string, version: number, note: NoteColumns): number | undefined
  dueNotes(query: NoteQuery): readonly string[]
  takeSlot(limit: string, holder: string, terms: SlotQuery): SlotAnswer
  keepSlots(limit: string, holders: readonly string[], ttlMs: number): void
  restSlots(limit: string, ms: number): void
}

/** The name of an operation. */
export type OperationName = keyof StoreOperations

/** Operations that write nothing; they need no transaction. */
export const READS: ReadonlySet<OperationName> = new Set([
  'load',
  'due',
  'versions',
  'list',
  'getMedia',
  'readNote',
  'dueNotes',
])

/** One operation for the worker. */
export interface Call {
  readonly number: number
  readonly name: OperationName
  readonly args: readonly unknown[]
}

/** The outcome of a call. */
export type Reply =
  | { readonly number: number; readonly value: unknown }
  | { readonly number: number; readonly failure: Failure }

/** An error without its class, which cannot cross a thread. */
export interface Failure {
  readonly message: string
  readonly code?: string | undefined
  /** Message of SQLite for the error. */
  readonly errstr?: string | undefined
  /** Why the database is not one of this version, so that a retry fails as well; such as `a later version of the library`. */
  readonly unfit?: string | undefined
}

/** A state in the columns of its row. */
export interface RunColumns {
  readonly status: string
  readonly wakeAt: number
  readonly startedAt: number
  readonly owner: string | null
  readonly removedAt: number | null
  readonly worker: string | null
  /** 0 for a run without `endedAt`. */
  readonly endedAt: number
  readonly isCallerId: number
  /** JSON. */
  readonly state: string
}

/** A run from its row, its report and the beat of its worker. */
export interface RunRow {
  readonly version: number
  readonly state: string
  /** Values that `reschedule` saved over the state. */
  readonly schedule?: { readonly wakeAt: number; readonly readings: string } | undefined
  readonly progress?: string | undefined
  readonly beat?: { readonly number: number; readonly ttlMs: number; readonly isExpired: boolean } | undefined
}

/** `stale` if the version is not the newest, `unknown` if the run does not exist. */
export type SaveOutcome = 'saved' | 'stale' | 'unknown'

/** Which runs `due` returns. */
export interface DueQuery {
  readonly before: number
  readonly limit: number
  readonly after: string | undefined
  readonly isFree: boolean
}

/** Which runs `list` returns. */
export interface ListQuery {
  readonly owner: string | undefined
  readonly order: string
  readonly after: string | undefined
  readonly withRemoved: boolean
  readonly limit: number
}

/** Progress of a run as JSON. */
export interface ReportRow {
  readonly id: string
  readonly progress: string
}

/** The actual digest of the bytes; they are kept if it is the given one. */
export interface MediaOutcome {
  readonly actualSha256: string
}

/** A note from its row; `value` is JSON. */
export interface NoteRow {
  readonly version: number
  readonly value: string
}

/** A note for its row. `call` marks a save, so that one that a client sends again is recognised. */
export interface NoteColumns {
  /** JSON. */
  readonly value: string
  readonly dueInMs: number
  readonly expiresInMs: number
  readonly call: string
}

/** Which notes `dueNotes` returns. */
export interface NoteQuery {
  readonly namespace: string
  readonly limit: number
  readonly after: string | undefined
}

/** The terms of `takeSlot`, in whole numbers: a server has no `Infinity`. */
export interface SlotQuery {
  readonly most: number
  readonly ttlMs: number
  readonly jobs: number
  /** 0 without a rate. */
  readonly perMs: number
}

/** Which runs `prune` forgets, the oldest first, at most `limit`. */
export interface ForgetQuery {
  readonly endedBefore: number
  readonly now: number
  readonly limit: number
}
