import type { RunWarning } from '../../contracts/result.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { LoadedRun, RunStore, StoredRun } from '../../contracts/run-store.js'
import type { PipelineConfig } from '../options.js'
import type { RunState } from '../state/run-state.js'
import { readRunState, toStoredRun } from '../state/stored-run.js'
import { handleOf } from '../state/submission.js'
import { answerOf, isAnswer, isFenced } from './store-calls.js'
import { type TimedStore, timedStore } from './timed-store.js'

/** Changes of a state. */
export type StatePatch = Partial<Omit<RunState, 'v' | 'id' | 'worker'>>

const LEAST_REST_MS = 1000

/** What a journal is opened with. */
export interface JournalOptions {
  readonly config: PipelineConfig
  readonly state: RunState
  readonly version: number
  /** Whether this worker has just created the run, and so holds it. */
  readonly isNew: boolean
  /** Whether this process stays with the run; else each save lets go of it. */
  readonly isResident: boolean
  /** Told when a save failed and the run continues all the same. */
  readonly onUnsaved: () => void
}

/**
 * The one writer of a run's state: `note` in memory, `save` by compare-and-set, `reload` from the store. Saves of a run go one after
 * the other. What is noted while a save is under way stays, and is saved the next time.
 */
export class RunJournal {
  readonly #options: JournalOptions
  readonly #timed: TimedStore
  #state: RunState
  #version: number
  /** As the store has it, as far as this process knows. */
  #saved: RunState
  #saving: Promise<void> = Promise.resolve()
  #pending = 0
  #writes = 0
  // Whether a save failed without an answer, so that the store may have it under a version that this process does not know.
  #mayHaveSaved = false
  #hasUnsaved = false
  #lastSave: Promise<number> | undefined
  #heldRow: number | undefined
  #restsUntil = Number.NEGATIVE_INFINITY

  constructor(options: JournalOptions) {
    this.#options = options
    this.#state = options.state
    this.#saved = options.state
    this.#version = options.version
    const { config, isNew } = options
    if (isNew) this.#heldRow = config.lease.row
    this.#timed = timedStore({ ...config, deadlineAt: () => this.#state.deadlineAt })
  }

  get state(): RunState {
    return this.#state
  }

  get version(): number {
    return this.#version
  }

  /** The store, with operations that end with the run. */
  get store(): RunStore {
    return this.#timed.store
  }

  /** Ends operations of the store by an instant, in epoch milliseconds. */
  endBy(at: number): void {
    this.#timed.endBy(at)
  }

  /** Counts what this journal wrote to the store. */
  get writes(): number {
    return this.#writes
  }

  /** Whether the store lacks what a save could not save. */
  get hasUnsaved(): boolean {
    return this.#hasUnsaved
  }

  /** Whether a save is under way, so that the version is about to change. */
  get isSaving(): boolean {
    return this.#pending > 0
  }

  /** Whether the store is known to have the end of the run, which is not its review. */
  get hasSavedEnd(): boolean {
    const { status } = this.#saved
    return status === 'completed' || status === 'failed'
  }

  /** Number of the submission whose job the store is known to have. */
  get savedJob(): number | undefined {
    return jobOf(this.#saved)
  }

  /** Whether something that changes the meaning of the run was noted since the last save; progress does not. */
  get hasNews(): boolean {
    const [noted, saved] = [this.#state, this.#saved]
    const fields = ['warnings', 'attempts', 'candidates', 'video', 'isDegraded'] as const
    return fields.some((field) => noted[field] !== saved[field])
  }

  /** Whether this worker holds the run, so that it may have an effect: the store says so, and no beat was missed since. */
  get isHeld(): boolean {
    const { lease } = this.#options.config
    return this.#state.worker === lease.worker && this.#heldRow === lease.row && lease.isFresh()
  }

  /** Whether this worker held the run last, as far as it knows. */
  get isOwn(): boolean {
    return this.#state.worker === this.#options.config.lease.worker
  }

  /** Whether the store failed lately, so that what can wait is not saved yet. */
  get isResting(): boolean {
    return this.#options.config.clock.monotonic() < this.#restsUntil
  }

  /** Changes the state in memory. */
  note(patch: StatePatch): void {
    this.#state = { ...this.#state, ...patch }
  }

  /**
   * Saves a change. Once something was submitted, a store that is down does not stop a run: that is a warning.
   * @throws FencedError when another process saved in between.
   * @throws RunStateError when nothing was submitted yet and the store does not answer.
   */
  save(patch: StatePatch): Promise<void> {
    return this.#saveAnd(patch, this.#options.isResident)
  }

  /** As {@link save}, and holds the run with it, for an effect that no other process may have meanwhile. */
  saveHeld(patch: StatePatch): Promise<void> {
    return this.#saveAnd(patch, true)
  }

  /**
   * Holds the run for this worker: by a beat, and a save that must be in the store before the run continues.
   * @throws FencedError when another process saved in between. Whatever a store throws that is down.
   */
  hold(): Promise<void> {
    const hold = async () => {
      await this.#timed.wait('heartbeat', () => this.#options.config.lease.beat())
      await this.#commit({}, true)
    }
    return this.#queued(() => this.#paced(hold))
  }

  /** Saves what an earlier save could not. Whatever a store throws that is down. */
  saveUnsaved(): Promise<void> {
    return this.#queued(() => this.#commit({}, this.#options.isResident))
  }

  /**
   * Takes back what the last save announces, should it land after it was given up: nothing of that was done. The run is free then.
   */
  takeBack(patch: StatePatch): void {
    this.note(patch)
    const { worker: _worker, ...free } = this.#state
    const { rawStore } = this.#options.config
    const landedAs = async () => {
      const loaded = await rawStore.load(free.id)
      return loaded && loaded.version > this.#version && this.#isOwnSave(loaded) ? loaded.version : undefined
    }
    const takeBack = async () => {
      const version = await this.#lastSave?.catch(landedAs)
      if (version !== undefined) await rawStore.save(free.id, version, toStoredRun(free))
    }
    takeBack().catch(ignored) // Should that fail as well, a person has to look, as after a crash.
  }

  /** Saves when the run is due next, and the readings of its job, without the rest of the state. */
  reschedule(): Promise<void> {
    return this.#queued(async () => {
      const { id, wakeAt, submission } = this.#state
      const readings = submission?.state === 'accepted' ? submission.readings : []
      const reschedule = () => this.store.reschedule(id, this.#version, wakeAt, readings)
      await answerOf(reschedule, `Could not save when the run is due, the store is down: ${id}`)
      this.#writes += 1
    })
  }

  /**
   * Takes the newest state from the store, after another process has saved. What this one has warned of stays.
   * @throws RunStateError when the store does not know the run any more. Whatever the store throws.
   */
  reload(): Promise<Pick<LoadedRun, 'beat' | 'progress'>> {
    return this.#queued(async () => {
      const { id } = this.#state
      const loaded = await this.store.load(id)
      if (loaded === undefined) {
        const handle = handleOf(this.#state.submission)
        throw new RunStateError(`Could not continue the run, the store lost it: ${id}`, { handle })
      }
      const state = readRunState(id, loaded)
      this.#saved = state
      this.#state = { ...state, warnings: addWarnings(state.warnings, this.#state.warnings) }
      this.#version = loaded.version
      this.#mayHaveSaved = false
      this.#heldRow = undefined
      return loaded
    })
  }

  /** Whether another process has saved since: looked up after the saves under way. Whatever the store throws. */
  isOvertaken(): Promise<boolean> {
    return this.#queued(async () => {
      const loaded = await this.store.load(this.#state.id)
      if (loaded === undefined) return true
      if (loaded.version === this.#version) return false
      return !(this.#mayHaveSaved && this.#isOwnSave(loaded))
    })
  }

  /** After a lost race: continues with the state that this process alone has, over what the store has. */
  restore(own: RunState): void {
    const { worker: _lost, ...kept } = own
    this.#state = { ...kept, warnings: this.#state.warnings }
  }

  #saveAnd(patch: StatePatch, isHolding: boolean): Promise<void> {
    return this.#queued(async () => {
      try {
        await this.#paced(() => this.#commit(patch, isHolding))
      } catch (error) {
        // As this process has it; after a lost race it is compared with what the store has.
        this.#state = this.#patched(patch, isHolding)
        if (isFenced(error)) throw error
        if (jobOf(this.#state) === undefined) {
          const isRetryable = !isAnswer(error)
          const message = `Could not save the run, nothing was sent: ${this.#state.id}`
          throw new RunStateError(message, { cause: error, isRetryable })
        }
        this.#hasUnsaved = true
        this.#options.onUnsaved()
      }
    })
  }

  // Saves of one run go one after the other. The error is the caller's; the next save does not depend on it.
  #queued<T>(act: () => Promise<T>): Promise<T> {
    this.#pending += 1
    const acted = this.#saving.then(act).finally(() => {
      this.#pending -= 1
    })
    this.#saving = acted.then(ignored, ignored)
    return acted
  }

  // A store that hangs is left alone for longer than one that refuses at once.
  async #paced(act: () => Promise<void>): Promise<void> {
    const { clock } = this.#options.config
    const startedAt = clock.monotonic()
    try {
      await act()
      this.#restsUntil = startedAt
    } catch (error) {
      const now = clock.monotonic()
      if (!isFenced(error)) this.#restsUntil = now + Math.max(LEAST_REST_MS, 2 * (now - startedAt))
      throw error
    }
  }

  async #commit(patch: StatePatch, isHolding: boolean): Promise<void> {
    const { lease } = this.#options.config
    const { row } = lease
    const state = this.#patched(patch, isHolding)
    this.#version = await this.#saveAs(toStoredRun(state))
    this.#writes += 1
    this.#mayHaveSaved = false
    this.#hasUnsaved = false
    this.#saved = state
    this.#state = this.#patched(patch, isHolding)
    this.#heldRow = isHolding ? row : undefined
  }

  // A save whose answer was lost is not another process: what this one knows is newer.
  async #saveAs(state: StoredRun): Promise<number> {
    const { id } = this.#state
    try {
      return await this.#timedSave(this.#version, state)
    } catch (error) {
      if (!isFenced(error)) this.#mayHaveSaved = true
      if (!isFenced(error) || !this.#mayHaveSaved) throw error
      const stored = await this.store.load(id)
      if (stored === undefined || !this.#isOwnSave(stored)) throw error
      return this.#timedSave(stored.version, state)
    }
  }

  #timedSave(version: number, state: StoredRun): Promise<number> {
    return this.#timed.wait('save', () => {
      this.#lastSave = this.#options.config.rawStore.save(this.#state.id, version, state)
      return this.#lastSave
    })
  }

  // A step that begins has not started unless the patch says so, a run that continues has no end, and one that has ended no worker.
  #patched(patch: StatePatch, isHolding: boolean): RunState {
    const { stepStartedAt, worker: _former, formerLease: _lease, epoch, ...rest } = { ...this.#state, ...patch }
    const isEntered = patch.step === undefined || patch.stepStartedAt !== undefined
    const start = isEntered && stepStartedAt !== undefined ? { stepStartedAt } : {}
    const { worker } = this.#options.config.lease
    const isTakenOver = isHolding && this.#saved.worker !== worker
    const common = { ...rest, ...start, epoch: isTakenOver ? this.#saved.epoch + 1 : epoch }
    if (rest.status !== 'running') return common
    const { error: _error, endedAt: _endedAt, isAborted: _isAborted, ...running } = common
    return { ...running, ...(isHolding && { worker }) }
  }

  // Only this process saves states that name its worker.
  #isOwnSave(loaded: LoadedRun): boolean {
    return readRunState(this.#state.id, loaded).worker === this.#options.config.lease.worker
  }
}

/** Number of the submission whose job is in a state. */
export function jobOf({ submission }: RunState): number | undefined {
  return submission?.state === 'accepted' ? submission.number : undefined
}

/** Those of both, each text of a stage once. */
export function addWarnings(to: readonly RunWarning[], more: readonly RunWarning[]): readonly RunWarning[] {
  const isKnown = ({ code, message, stage }: RunWarning) =>
    to.some((known) => known.code === code && known.message === message && known.stage === stage)
  const added = more.filter((warning) => !isKnown(warning))
  return added.length === 0 ? to : [...to, ...added]
}

function ignored(): void {}
