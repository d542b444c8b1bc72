import type { Clock } from '../../contracts/clock.js'
import { describeValue } from '../../contracts/errors.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { LoadedRun, RunStore, StoredRun } from '../../contracts/run-store.js'
import { withDeadline } from '../../timing/deadline.js'
import { backgroundOf } from '../../timing/system-clock.js'
import type { RunState } from '../state/run-state.js'
import { readRunState, toStoredRun } from '../state/stored-run.js'
import { inBackground } from './in-background.js'
import { isFenced, STORE_DOWN } from './store-calls.js'
import type { TimedStore } from './timed-store.js'

// How long to wait for the response to a save that timed out, before the store is read.
const LATE_MS = 5000

/** What the saves need of the configuration. */
export interface SavingConfig {
  readonly lease: { readonly worker: string }
  readonly rawStore: RunStore
  /** With a time limit on each operation. */
  readonly store: RunStore
  readonly clock: Clock
}

/** Options of the saves. */
export interface SaveOptions {
  readonly id: string
  readonly config: SavingConfig
  readonly timed: TimedStore
  /** The newest known state. */
  readonly version: number
}

interface StoredSave {
  readonly version: number
  readonly state: StoredRun
  readonly done: Promise<number>
}

/** Saves of one run by compare-and-set, by one worker. */
export class VersionedSaves {
  readonly #options: SaveOptions
  #version: number
  // Whether a save failed without a response, so that the store may have it under an unknown version.
  #mayHaveSaved = false
  #last: StoredSave | undefined

  constructor(options: SaveOptions) {
    this.#options = options
    this.#version = options.version
  }

  /** The newest state that this process knows. */
  get version(): number {
    return this.#version
  }

  /** Called when the run was loaded: earlier saves no longer count. */
  adopt(version: number): void {
    this.#version = version
    this.#mayHaveSaved = false
  }

  /**
   * Replaces the state. A save of this process whose response was lost does not count as another process.
   * @throws FencedError when another process saved in between; any error of the store.
   */
  async save(state: StoredRun): Promise<void> {
    try {
      this.#version = await this.#save(this.#version, state)
    } catch (error) {
      if (!isFenced(error)) this.#mayHaveSaved = true
      if (!isFenced(error) || !this.#mayHaveSaved) throw error
      const stored = await this.#options.timed.store.load(this.#options.id)
      if (stored === undefined || !this.#isOwn(stored)) throw error
      this.#version = await this.#save(stored.version, state)
    }
    this.#mayHaveSaved = false
  }

  /** Whether another process saved the state in the store. */
  isOther(loaded: LoadedRun): boolean {
    return loaded.version !== this.#version && !(this.#mayHaveSaved && this.#isOwn(loaded))
  }

  /** Replaces the state of the last save, or the one before if that save did not reach the store; in the background. */
  takeBack(state: RunState): void {
    const last = this.#last
    if (last === undefined) return
    const { clock } = this.#options.config
    const error = () =>
      new RunStateError('Could not learn the outcome of the save', { isRetryable: true, reason: STORE_DOWN })
    const limit = { clock: backgroundOf(clock), timeoutMs: LATE_MS, error }
    this.#saveOver(() => withDeadline(limit, () => last.done).catch(() => this.#landedAs(last)), state)
  }

  /** Repeats the last save, which failed, or saves over it if only its response was lost; in the background. */
  saveInstead(state: RunState): void {
    const last = this.#last
    if (last !== undefined) this.#saveOver(async () => (await this.#landedAs(last)) ?? last.version, state)
  }

  #saveOver(find: () => Promise<number | undefined>, state: RunState): void {
    const { id, config } = this.#options
    const { store } = config
    inBackground(config, async () => {
      const version = await find()
      if (version !== undefined) await store.save(id, version, freed(state))
    })
  }

  // The version to save over: that of the last save if it landed, otherwise the one before.
  async #landedAs(last: Pick<StoredSave, 'version' | 'state'>): Promise<number | undefined> {
    const { id, config } = this.#options
    const loaded = await config.store.load(id)
    // It did not land: the run is free, unless another process has it.
    if (loaded?.version === last.version && loaded.state.worker === last.state.worker) return loaded.version
    // A later save must stay, also one of the same worker.
    if (loaded?.version !== last.version + 1 || loaded.state.worker !== last.state.worker) return undefined
    const isLast = JSON.stringify(loaded.state.submission) === JSON.stringify(last.state.submission)
    return isLast ? loaded.version : undefined
  }

  #save(version: number, state: StoredRun): Promise<number> {
    const { id, config, timed } = this.#options
    return timed.wait('save', () => {
      const done = Promise.resolve(config.rawStore.save(id, version, state)).then(checkedVersion)
      this.#last = { version, state, done }
      return done
    })
  }

  // Only this process saves states that name its worker.
  #isOwn(loaded: LoadedRun): boolean {
    const { id, config } = this.#options
    return readRunState(id, loaded).worker === config.lease.worker
  }
}

// Without it the next save would look like a save of another process.
function checkedVersion(version: unknown): number {
  if (typeof version === 'number' && Number.isSafeInteger(version)) return version
  const given = describeValue(version)
  throw new RunStateError(
    `Could not use the result of save() of the store, it must resolve to the new version, a whole number: ${given}`,
  )
}

// This process does not continue the run, but any other may.
function freed({ worker: _worker, ...free }: RunState): StoredRun {
  return toStoredRun(free)
}
