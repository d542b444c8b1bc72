import type { StageName, StoreDurability } from 'sora-pipeline'
import type { StoreKind } from '../stores/open-store.js'

/** What `sora-pipeline doctor` found. */
export interface DoctorReport {
  /** Where the configuration is from, and its values. Credentials are `set` or `not set`. */
  readonly configuration: {
    readonly source: string
    readonly values: Readonly<Record<string, unknown>>
  }
  /** Where the settings are kept, if not only in the source of the configuration. */
  readonly settingsStore?: SettingsStoreReport
  readonly store: StoreReport
  readonly services: readonly ServiceReport[]
  /** What holds with this store. */
  readonly promises: readonly PromiseReport[]
  /** What has to be fixed, one sentence each; empty if all is well. */
  readonly problems: readonly string[]
}

/** The store, and whether it answers. */
export interface StoreReport {
  /** `memory` also if no store is configured, `custom` for a store that is not one of this library. */
  readonly kind: StoreKind | 'memory' | 'custom'
  /** What it keeps, and for whom; absent for a custom store that does not declare it. */
  readonly durability?: StoreDurability
  readonly isReached: boolean
  readonly durationMs?: number
  /** How many of the newest 1,000 runs wait for a person; absent if the store cannot be listed here. */
  readonly runsInReview?: number
  /** Why it is not reached. */
  readonly error?: string
}

/** The bin of `jsonBinSettings`, and whether it was read. */
export interface SettingsStoreReport {
  /** `custom` for live settings of your own. */
  readonly kind: 'jsonbin' | 'custom'
  readonly isReached: boolean
  readonly durationMs?: number
  /** Why it is not reached; then the values are those without it. */
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
  readonly promise: 'restart' | 'many-processes' | 'many-machines' | 'power-cut' | 'failover' | 'settings'
  readonly holds: boolean | 'unknown'
  readonly note: string
}
