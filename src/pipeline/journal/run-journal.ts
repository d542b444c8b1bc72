import { RunStateError } from '../../contracts/run-errors.js'
import type { LoadedRun, RunStore } from '../../contracts/run-store.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { type RunState, withWarnings } from '../state/run-state.js'
import { readRunState, toStoredRun } from '../state/stored-run.js'
import { handleOf } from '../state/submission.js'
import { failureToSave } from './failure-to-save.js'
import { RunTime } from './run-time.js'
import { SaveQueue } from './save-queue.js'
import { hasNewsSince, noted, patchedState, type StatePatch } from './state-patch.js'
import { answerOf, isFenced } from './store-calls.js'
import { type TimedStore, timedStore } from './timed-store.js'
import { VersionedSaves } from './versioned-saves.js'

/** What a journal is opened with. */
export interface JournalOptions {
  readonly config: PipelineConfig
  readonly state: RunState
  readonly version: number
  /** Whether this worker has just created the run, and so holds it. */
  readonly isNew: boolean
  /** Whether this process stays with the run; else each save lets go of it. */
  readonly isResident: boolean
  /** Called when a save failed and the run continues all the same. */
  readonly onUnsaved: () => void
}

/**
 * The one writer of a run's state: `note` in memory, `save` by compare-and-set, `reload` from the store. Saves of a run go one after
 * the other. What is noted while a save is under way stays, and is saved the next time.
 */
export class RunJournal {
  readonly store: RunStore
  /** The time that the deadlines of the run count in. */
  readonly time: RunTime
  readonly #options: JournalOptions
  readonly #timed: TimedStore
  readonly #saves: VersionedSaves
  readonly #queue = new SaveQueue()
  #state: RunState
  /** As the store has it, as far as this process knows. */
  #saved: RunState
  #writes = 0
  #hasUnsaved = false
  #heldRow: number | undefined
  // Whether the run is freed in the background already.
  #isLeft = false

  constructor(options: JournalOptions) {
    const { config, isNew, version, state } = options
    this.#options = options
    this.#state = state
    this.#saved = state
    if (isNew) this.#heldRow = config.lease.row
    this.time = new RunTime(config.clock, state)
    this.#timed = timedStore({ ...config, leftMs: () => this.time.leftMs(this.#state.deadlineAt) })
    this.store = this.#timed.store
    this.#saves = new VersionedSaves({ ...config, ...config.lease, id: state.id, version, timed: this.#timed })
  }

  get state(): RunState {
    return this.#state
  }

  get version(): number {
    return this.#saves.version
  }

  /** Ends operations of the store by an instant of the monotonic clock. */
  endBy(at: number): void {
    this.#timed.endBy(at)
  }

  /** How often this journal wrote to the store. */
  get writes(): number {
    return this.#writes
  }

  /** Whether the store lacks what a save could not save. */
  get hasUnsaved(): boolean {
    return this.#hasUnsaved
  }

  /** Whether a save is under way, so that the version is about to change. */
  get isSaving(): boolean {
    return this.#queue.isBusy
  }

  /** As the store has it, as far as this process knows. */
  get saved(): RunState {
    return this.#saved
  }

  /** Whether something that changes the meaning of the run was noted since the last save; progress does not. */
  get hasNews(): boolean {
    return hasNewsSince(this.#saved, this.#state)
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
    return this.#timed.isResting()
  }

  /** Changes the state in memory. */
  note(patch: StatePatch): void {
    this.time.schedule(patch.wakeAt)
    this.#state = noted(this.#state, patch)
  }

  /**
   * Saves a change. Once a job may have been accepted, a store that is down does not stop a run: that is a warning.
   * @throws FencedError when another process saved in between.
   * @throws RunStateError when the store does not answer before a submission is sent; it is retryable when nothing was sent under its
   * key before.
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
    return this.#queue.run(() => this.#timed.paced(hold))
  }

  /** Saves what an earlier save could not, and keeps the run or lets go of it. Whatever a store throws that is down. */
  saveUnsaved(isHolding = this.#options.isResident): Promise<void> {
    return this.#queue.run(() => this.#commit({}, isHolding))
  }

  /** Takes back what the last save announces, should it land after it was given up: nothing of that was done. The run is free then. */
  takeBack(patch: StatePatch): void {
    this.note(patch)
    this.#isLeft = true
    this.#saves.takeBack(this.#state)
  }

  /** Saves later what the last save could not, when this process does not continue the run. The run is free then. */
  saveLater(): void {
    this.#isLeft = true
    this.#saves.saveInstead(this.#state)
  }

  /** Whether the store has something to learn when this process leaves the run: what it could not save, or that the run is free. */
  get isToBeLeft(): boolean {
    const { status } = this.#state
    return !this.#isLeft && (this.#hasUnsaved || status !== this.#saved.status || (status === 'running' && this.isOwn))
  }

  /** Saves when the run is due next, and the readings of its job, without the rest of the state. */
  reschedule(): Promise<void> {
    return this.#queue.run(async () => {
      const { id, wakeAt, submission } = this.#state
      const readings = submission?.state === 'accepted' ? submission.readings : []
      const reschedule = () => this.store.reschedule(id, this.version, wakeAt, readings)
      await answerOf(reschedule, `Could not save when the run is due, the store is down: ${id}`)
      this.#writes += 1
    })
  }

  /**
   * Takes the newest state from the store, after another process has saved. What this one has warned of stays.
   * @throws RunStateError when the store does not know the run any more. Whatever the store throws.
   */
  reload(): Promise<Pick<LoadedRun, 'beat' | 'progress'>> {
    return this.#queue.run(async () => {
      const { id, submission } = this.#state
      const loaded = await this.store.load(id)
      const lost = `Could not continue the run, the store lost it: ${id}`
      if (loaded === undefined) throw new RunStateError(lost, { handle: handleOf(submission) })
      const state = readRunState(id, loaded)
      this.#saved = state
      this.#state = { ...state, warnings: withWarnings(state.warnings, this.#state.warnings) }
      this.time.adopt(state)
      this.#saves.adopt(loaded.version)
      this.#heldRow = undefined
      return loaded
    })
  }

  /** Whether another process has saved since: looked up after the saves under way. Whatever the store throws. */
  isOvertaken(): Promise<boolean> {
    const isOther = (loaded: LoadedRun | undefined) => loaded === undefined || this.#saves.isOther(loaded)
    return this.#queue.run(async () => isOther(await this.store.load(this.#state.id)))
  }

  /** After a lost race: continues with the state that this process alone has, over what the store has. */
  restore(own: RunState): void {
    const { worker: _lost, ...kept } = own
    this.#state = { ...kept, warnings: this.#state.warnings }
  }

  #saveAnd(patch: StatePatch, isHolding: boolean): Promise<void> {
    this.time.schedule(patch.wakeAt)
    return this.#queue.run(async () => {
      try {
        await this.#timed.paced(() => this.#commit(patch, isHolding))
      } catch (error) {
        // As this process has it; after a lost race it is compared with what the store has.
        this.#state = this.#patched(patch, isHolding)
        if (isFenced(error)) throw error
        const failure = failureToSave(this.#state, error)
        if (failure) throw failure
        this.#hasUnsaved = true
        this.#options.onUnsaved()
      }
    })
  }

  async #commit(patch: StatePatch, isHolding: boolean): Promise<void> {
    const { row } = this.#options.config.lease
    const state = this.#patched(patch, isHolding)
    await this.#saves.save(toStoredRun(state))
    this.#writes += 1
    this.#hasUnsaved = false
    this.#saved = state
    this.time.saved(state)
    this.#state = { ...this.#patched(patch, isHolding), epoch: state.epoch }
    this.#heldRow = isHolding ? row : undefined
  }

  #patched(patch: StatePatch, isHolding: boolean): RunState {
    const { worker } = this.#options.config.lease
    const wakeAt = this.time.wakeAt(patch.wakeAt ?? this.#state.wakeAt)
    const due = { ...patch, wakeAt }
    return patchedState(this.#state, due, this.time.mark(), isHolding ? { worker, saved: this.#saved } : undefined)
  }
}
