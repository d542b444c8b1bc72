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
import { TimedStore } from './timed-store.js'
import { VersionedSaves } from './versioned-saves.js'

/** Options of a journal. */
export interface JournalOptions {
  readonly config: PipelineConfig
  readonly state: RunState
  readonly version: number
  /** Whether this worker has just created the run and holds it. */
  readonly isNew: boolean
  /** Whether this process keeps the run; otherwise each save releases it. */
  readonly isResident: boolean
  /** Called when a save failed but the run continues. */
  readonly onUnsaved: () => void
}

/**
 * The one writer of a run's state: `note` in memory, `save` by compare-and-set, `reload` from the store. Saves of a run are
 * sequential. Changes noted during a save are saved by the next one.
 */
export class RunJournal {
  readonly store: RunStore
  /** The time of the deadlines of the run. */
  readonly time: RunTime
  readonly #options: Pick<JournalOptions, 'config' | 'isResident' | 'onUnsaved'>
  readonly #timed: TimedStore
  readonly #saves: VersionedSaves
  readonly #queue = new SaveQueue()
  #state: RunState
  #saved: RunState
  #writes = 0
  #hasUnsaved = false
  #heldRow: number | undefined
  // Whether the run is already being freed in the background.
  #isLeft = false

  constructor(options: JournalOptions) {
    const { config, isNew, isResident, onUnsaved, version, state } = options
    this.#options = { config, isResident, onUnsaved }
    this.#state = state
    this.#saved = state
    if (isNew) this.#heldRow = config.lease.row
    this.time = new RunTime(config.clock, state)
    this.#timed = new TimedStore(config, () => this.time.leftMs(this.#state.deadlineAt))
    this.store = this.#timed.store
    this.#saves = new VersionedSaves({ config, id: state.id, version, timed: this.#timed })
  }

  get state(): RunState {
    return this.#state
  }

  get version(): number {
    return this.#saves.version
  }

  /** Ends store operations at an instant of the monotonic clock. */
  endBy(at: number): void {
    this.#timed.endBy(at)
  }

  /** Number of writes of this journal to the store. */
  get writes(): number {
    return this.#writes
  }

  /** Whether the last save failed, so that the store lacks its changes. */
  get hasUnsaved(): boolean {
    return this.#hasUnsaved
  }

  /** Whether a save is in progress, so that the version is about to change. */
  get isSaving(): boolean {
    return this.#queue.isBusy
  }

  /** The last known state in the store. */
  get saved(): RunState {
    return this.#saved
  }

  /** Whether a change other than progress was noted since the last save. */
  get hasNews(): boolean {
    return hasNewsSince(this.#saved, this.#state)
  }

  /** Whether this worker holds the run and may have an effect: the store names it, and no beat was missed since. */
  get isHeld(): boolean {
    const { lease } = this.#options.config
    return this.#state.worker === lease.worker && this.#heldRow === lease.row && lease.isFresh()
  }

  /** Whether this worker was the last known holder of the run. */
  get isOwn(): boolean {
    return this.#state.worker === this.#options.config.lease.worker
  }

  /** Whether the store failed recently, so that saves that can wait are postponed. */
  get isResting(): boolean {
    return this.#timed.isResting()
  }

  /** Changes the state in memory. */
  note(patch: StatePatch): void {
    this.time.schedule(patch.wakeAt)
    this.#state = noted(this.#state, patch)
  }

  /**
   * Saves a change. Once a job may have been accepted, a store that is down does not stop a run, but causes a warning.
   * @throws FencedError when another process saved in between.
   * @throws RunStateError when the store does not respond before a submission is sent; retryable when nothing was sent under its
   * key before.
   */
  save(patch: StatePatch): Promise<void> {
    return this.#saveAnd(patch, this.#options.isResident)
  }

  /** Like {@link save}, but also holds the run, for an effect that no other process may have at the same time. */
  saveHeld(patch: StatePatch): Promise<void> {
    return this.#saveAnd(patch, true)
  }

  /**
   * Holds the run for this worker: by a beat, and a save that must be in the store before the run continues.
   * @throws FencedError when another process saved in between; the error of a store that is down.
   */
  hold(): Promise<void> {
    const hold = async () => {
      await this.#timed.wait('heartbeat', () => this.#options.config.lease.beat())
      await this.#commit({}, true)
    }
    return this.#queue.run(() => this.#timed.paced(hold))
  }

  /** Saves what an earlier save could not, and keeps or releases the run. Rejects with the error of a store that is down. */
  saveUnsaved(isHolding = this.#options.isResident): Promise<void> {
    return this.#queue.run(() => this.#commit({}, isHolding))
  }

  /** Reverts the last save in case it lands after its time limit, because its step was not taken. The run is free then. */
  takeBack(patch: StatePatch): void {
    this.note(patch)
    this.#isLeft = true
    this.#saves.takeBack(this.#state)
  }

  /** Repeats the last save later, when this process does not continue the run. The run is free then. */
  saveLater(): void {
    this.#isLeft = true
    this.#saves.saveInstead(this.#state)
  }

  /** Whether the store needs a save when this process leaves the run: pending changes, or that the run is free. */
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
   * Loads the newest state from the store after another process has saved. Warnings of this process stay.
   * @throws RunStateError when the store no longer knows the run; any error of the store.
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

  /** Whether another process has saved since: checked after the current saves. Rejects with any error of the store. */
  isOvertaken(): Promise<boolean> {
    const isOther = (loaded: LoadedRun | undefined) => loaded === undefined || this.#saves.isOther(loaded)
    return this.#queue.run(async () => isOther(await this.store.load(this.#state.id)))
  }

  /** After a lost race: continues with the state of this process and saves it over the other one. */
  restore(own: RunState): void {
    const { worker: _lost, ...kept } = own
    const { warnings, cancelRequest } = this.#state
    this.#state = { ...kept, warnings, ...(cancelRequest && { cancelRequest }) }
  }

  #saveAnd(patch: StatePatch, isHolding: boolean): Promise<void> {
    this.time.schedule(patch.wakeAt)
    return this.#queue.run(async () => {
      try {
        await this.#timed.paced(() => this.#commit(patch, isHolding))
      } catch (error) {
        // The state of this process; after a lost race it is compared with that of the store.
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
    const unsaved = this.#state
    const state = this.#patched(patch, isHolding)
    await this.#saves.save(toStoredRun(state))
    this.#writes += 1
    this.#hasUnsaved = false
    this.#saved = state
    this.time.saved(state)
    this.#state = this.#state !== unsaved ? { ...this.#patched(patch, isHolding), epoch: state.epoch } : state
    this.#heldRow = isHolding ? row : undefined
  }

  #patched(patch: StatePatch, isHolding: boolean): RunState {
    const wakeAt = this.time.wakeAt(patch.wakeAt ?? this.#state.wakeAt)
    const hold = isHolding ? { worker: this.#options.config.lease.worker, saved: this.#saved } : undefined
    return patchedState(this.#state, { ...patch, wakeAt }, this.time.mark(), hold)
  }
}
