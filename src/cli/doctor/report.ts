import type { StageName } from 'sora-pipeline'
import type { StoreKind } from '../stores/open-store.js'

/** What `sora-pipeline doctor` found. */
export interface DoctorReport {
  /** Where the configuration is from, and its values. Credentials are `set` or `not set`. */
  readonly configuration: {
    readonly source: string
    readonly values: Readonly<Record<string, unknown>>
  }
  readonly store: StoreReport
  readonly services: readonly ServiceReport[]
  /** What holds with this store. */
  readonly promises: readonly PromiseReport[]
  /** What has to be fixed, one sentence each; empty if all is well. */
  readonly problems: readonly string[]
}

/** The store, and whether it answers. */
export interface StoreReport {
  /** `memory` if no store is configured, `custom` for a store that the configuration exports. */
  readonly kind: StoreKind | 'memory' | 'custom'
  readonly isReached: boolean
  readonly durationMs?: number
  /** Why it is not reached. */
  readonly error?: string
}

/** A service of a strategy, and whether it answers. */
export interface ServiceReport {
  readonly stage: StageName
  readonly strategy: string
  /** Its base URL; absent for a strategy that names none. */
  readonly url?: string
  /**
   * - `ok`: it answered.
   * - `failed`: it did not answer, or the check of the strategy failed, such as for a wrong key.
   * - `unchecked`: the strategy has no check and names no URL.
   */
  readonly outcome: 'ok' | 'failed' | 'unchecked'
  /** Whether the strategy made its own check, such as of its key; absent if only the address was tried. */
  readonly isChecked?: boolean
  readonly durationMs?: number
  readonly error?: string
}

/** A promise of the library. */
export interface PromiseReport {
  readonly promise: 'restart' | 'many-processes' | 'many-machines' | 'power-cut' | 'failover'
  readonly holds: boolean | 'unknown'
  readonly note: string
}
