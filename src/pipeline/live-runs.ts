import type { GenerationHandle } from '../contracts/generation-handle.js'
import type { VideoRequest } from '../contracts/request.js'
import { RunStateError } from '../contracts/run-errors.js'
import { releaseClock } from '../timing/system-clock.js'
import { checkId, checkNames, checkRequest } from './check-request.js'
import type { ReviewVerdict } from './journal/settle-run.js'
import type { StoredState } from './journal/store-calls.js'
import { LazyEngine } from './load-engine.js'
import type { SoraPipelineOptions } from './options.js'
import { coreOf } from './pipeline-core.js'
import { type ActiveRun, type PipelineRun, startRun } from './pipeline-run.js'
import {
  type AdoptOptions,
  type CloseOptions,
  checkAdoptOptions,
  checkRunOptions,
  closeTimesOf,
  newRunId,
  type Opened,
  type RecoverOptions,
  type RunOptions,
  recoverLimitOf,
} from './run-options.js'
import type { RunRecord } from './run-record.js'
import { RunWaits } from './run-waits.js'
import { UnservedVideos } from './video/unserved-videos.js'

// Maximum interval between the first polls of recovered jobs, and the maximum time for all of them.
const MOST_SPACING_MS = 5
const SPREAD_MS = 5000
// How long the release of stopped runs in the store may take.
const RELEASE_MS = 1000

/** The runs that one pipeline works on, until it closes. */
export class LiveRuns {
  /** Videos of ended runs that only this process can open. */
  readonly unserved = new UnservedVideos()
  /** What works on the runs. */
  readonly engine: LazyEngine
  readonly #runs = new Map<string, ActiveRun>()
  // Includes runs that share their id with another.
  readonly #all = new Set<ActiveRun>()
  readonly #advancing = new Map<string, { readonly done: Promise<StoredState | undefined>; readonly waits: RunWaits }>()
  #closing: Promise<void> | undefined
  #isClosed = false

  constructor(options: SoraPipelineOptions) {
    const resumeRun = (id: string) => {
      if (!this.#isClosed) this.open(undefined, { id, isSeparate: true })
    }
    this.engine = new LazyEngine({ ...coreOf(options), resumeRun })
  }

  has(id: string): boolean {
    return this.#runs.has(id)
  }

  /** A record with what this process knows of the run. */
  asSeenHere<R extends RunRecord>(record: R | undefined): R | undefined {
    const live = record?.status === 'running' ? this.#runs.get(record.id) : undefined
    return record && live ? { ...record, isAttended: true, ...live.present() } : record
  }

  /** @throws RunStateError when the pipeline is closed. */
  assertOpen(action: string): void {
    if (!this.#isClosed) return
    const reason = 'the pipeline is closed'
    throw new RunStateError(`Could not ${action}: ${reason}`, { isRetryable: true, reason })
  }

  /** Starts a run, loads it from the store, or joins the live one. */
  open(
    request: VideoRequest | undefined,
    { signal, id: given, owner, retryOf, traceparent, delayMs = 0, isSeparate = false }: RunOptions & Opened,
  ): PipelineRun {
    this.assertOpen(request === undefined ? 'resume the run' : 'start a run')
    checkNames({ id: given, owner })
    const id = given ?? newRunId()
    const joined = this.#runs.get(id)
    if (!isSeparate && joined?.isFor(request, owner)) {
      if (signal) joined.follow(signal)
      return joined
    }
    // The store refuses another request under the id of a live run. If it is the same one after all, or the run is being advanced,
    // two sessions work on one run, and each must be its own worker.
    const hasOwnWorker = joined !== undefined || this.#advancing.has(id)
    const origin = { id, request, owner, retryOf, traceparent, isCallerId: given !== undefined }
    const onEnd = (left?: Promise<void>) => this.#forget(id, run, left)
    const run = startRun(this.engine.core, origin, { engine: this.engine.load(), hasOwnWorker, onEnd, delayMs })
    if (joined === undefined || isSeparate) this.#runs.set(id, run)
    this.#all.add(run)
    run.result.catch((error: unknown) => this.unserved.keep(id, error))
    if (signal) run.follow(signal)
    return run
  }

  /**
   * Opens unfinished runs of the store that are not live here.
   * @throws InvalidRequestError when the limit is invalid. RunStateError when the pipeline is closed, or the store is down.
   */
  async recover(options: RecoverOptions): Promise<readonly PipelineRun[]> {
    const limit = recoverLimitOf(options)
    this.assertOpen('recover runs')
    const ids = await (await this.engine.load()).unfinished(limit, this)
    const spacingMs = Math.min(SPREAD_MS / ids.length, MOST_SPACING_MS)
    return ids.map((id, index) => this.open(undefined, { id, delayMs: index * spacingMs }))
  }

  /** Creates a run for a job that the store does not know, and works on it. */
  async adopt(handle: GenerationHandle, options: AdoptOptions): Promise<PipelineRun> {
    this.assertOpen('adopt the job')
    checkAdoptOptions(options)
    const { request, id = newRunId(), owner } = options
    const checked = request && checkRequest(request)
    const engine = await this.engine.load()
    await engine.adopt({ id, isCallerId: options.id !== undefined, handle, request: checked, owner })
    return this.open(undefined, { id })
  }

  /** Retries an ended run as a new run. */
  async retry(id: string, changes: Partial<VideoRequest>): Promise<PipelineRun> {
    checkId(id)
    this.assertOpen('retry the run')
    const { request, owner } = await (await this.engine.load()).retried(id, changes)
    return this.open(checkRequest(request), { owner, retryOf: id })
  }

  /** Settles the outcome of a submission, and continues the run. */
  async settle(id: string, verdict: ReviewVerdict): Promise<PipelineRun> {
    checkId(id)
    this.assertOpen('settle the run')
    await (await this.engine.load()).settle(id, verdict)
    // A live run of that id may have just read the former end of the run.
    return this.open(undefined, { id, isSeparate: true })
  }

  /** Starts a run, or joins the one of its id. */
  run(request: VideoRequest, options: RunOptions): PipelineRun {
    const checked = checkRequest(request)
    checkRunOptions(options)
    return this.open(checked, options)
  }

  /** Joins a run of the store. */
  resume(id: string, options: Pick<RunOptions, 'signal'>): PipelineRun {
    checkId(id)
    checkRunOptions(options, ['signal'])
    return this.open(undefined, { ...options, id })
  }

  /** Saves a new run without working on it, or finds the run of that id. */
  async create(request: VideoRequest, options: Omit<RunOptions, 'signal'>): Promise<RunRecord> {
    const checked = checkRequest(request)
    checkRunOptions(options, ['id', 'owner', 'traceparent'])
    this.assertOpen('create the run')
    const { id = newRunId(), owner, traceparent } = options
    const origin = { id, request: checked, owner, traceparent, isCallerId: options.id !== undefined }
    await (await this.engine.load()).create(origin)
    return this.#known(id, 'create')
  }

  /** Advances a run of the store by one step; concurrent calls share it. Does nothing for a run that is live here. */
  async advance(id: string): Promise<RunRecord> {
    checkId(id)
    this.assertOpen('advance the run')
    if (this.#runs.has(id)) return this.#known(id, 'advance')
    let advancing = this.#advancing.get(id)
    if (advancing === undefined) {
      const waits = new RunWaits()
      const advance = async () => (await this.engine.load()).advance(id, waits)
      advancing = { waits, done: advance().finally(() => this.#advancing.delete(id)) }
      this.#advancing.set(id, advancing)
    }
    const saved = await advancing.done
    const isKnown = saved !== undefined && saved.state.removedAt === undefined
    return isKnown ? (await this.engine.load()).recordOf(saved) : this.#known(id, 'advance')
  }

  async #known(id: string, action: string): Promise<RunRecord> {
    const record = this.asSeenHere(await (await this.engine.load()).read(id))
    if (record === undefined) throw new RunStateError(`Could not ${action} the run, it was removed: ${id}`)
    return record
  }

  /** Polls the job of a run now, or as soon as a process works on the run. */
  async wake(id: string): Promise<void> {
    checkId(id)
    if (!this.#runs.get(id)?.wake()) await (await this.engine.load()).wake(id)
  }

  /** Aborts a run that is running, and removes it from the lists. */
  async remove(id: string): Promise<void> {
    checkId(id)
    const engine = await this.engine.load()
    const record = await engine.read(id)
    if (record?.status === 'running') await this.open(undefined, { id }).cancel()
    await engine.remove(id)
    this.unserved.delete(id)
  }

  get isClosing(): boolean {
    return this.#closing !== undefined
  }

  /** Works as before for `drainMs`, and then leaves every run to other processes. */
  close(options: CloseOptions): Promise<void> {
    const { graceMs, drainMs } = closeTimesOf(options)
    this.#closing ??= this.#close(graceMs, drainMs)
    return this.#closing
  }

  async #close(graceMs: number, drainMs: number): Promise<void> {
    if (drainMs > 0) await this.engine.core.clock.sleep(drainMs)
    this.#isClosed = true
    this.engine.core.closing.abort('closed')
    const advancing = [...this.#advancing]
    const steps = advancing.map(([, { done }]) => done.then(ignored, ignored))
    for (const [id, { waits }] of advancing) waits.leave(closedError(id))
    for (const run of this.#all) run.leave(closedError(run.id))
    await this.#within(graceMs, [...steps, ...[...this.#all].map(({ ended }) => ended)])
    const abandoned = [...this.#all].map((run) => run.abandon())
    await this.#within(RELEASE_MS, abandoned)
    const { eventWrites, lease } = this.engine.made?.config ?? {}
    await this.#within(RELEASE_MS, [...(eventWrites ?? [])])
    if (lease) await this.#within(RELEASE_MS, [lease.retire().catch(ignored)])
    releaseClock(this.engine.core.clock)
  }

  async #within(ms: number, all: readonly Promise<void>[]): Promise<void> {
    if (all.length === 0) return
    const timer = new AbortController()
    const late = this.engine.core.clock.sleep(ms, { signal: timer.signal }).catch(ignored)
    await Promise.race([Promise.all(all), late])
    timer.abort('over')
  }

  #forget(id: string, run: ActiveRun, left: Promise<void> | undefined): void {
    this.#all.delete(run)
    // While the store lacks the end of the run, a run that is opened from it would look abandoned.
    if (left) left.then(() => this.#forget(id, run, undefined))
    else if (this.#runs.get(id) === run) this.#runs.delete(id)
  }
}

function closedError(id: string): RunStateError {
  const message = `Could not continue the run here, the pipeline was closed; it continues in the next process that resumes it: ${id}`
  return new RunStateError(message, { isRetryable: true, continues: true })
}

function ignored(): void {}
