import type { JsonObject } from './json.js'

/**
 * Where the truth about runs is kept. Every method may be called from many processes at once.
 *
 * A store keeps states as they are and reads two of their fields: `status` (`running` until the run ended) and `wakeAt` (epoch
 * milliseconds of its next step). The rest is the pipeline's.
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
}

/** State of a run: JSON without secrets. */
export type StoredRun = JsonObject & {
  /** `needs-review` is a run that only a person can go on with: nothing may be submitted again by itself. */
  readonly status: 'running' | 'completed' | 'failed' | 'needs-review'
  /** Epoch milliseconds. */
  readonly wakeAt: number
}
