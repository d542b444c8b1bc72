import type { Clock } from '../contracts/clock.js'
import type { DiagnosableStore } from '../contracts/diagnosable-store.js'
import type { PipelineEvent } from '../contracts/events.js'
import type { PollSchedule } from '../contracts/poll-schedule.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import type { RunStore } from '../contracts/run-store.js'
import type { Uploader } from '../contracts/uploader.js'
import { memoryRuns } from '../stores/memory-runs.js'
import { type LearnedDurations, learnedDurations } from '../timing/learned-durations.js'
import { pacedBy } from '../timing/paced-polls.js'
import { deadlinesOf, type EveryDeadline } from './deadlines.js'
import { PollSweeps } from './generate/poll-sweeps.js'
import { SubmissionLines } from './generate/submission-lines.js'
import { type OwnerSpending, ownerSpending } from './journal/owner-spending.js'
import { withinTime } from './journal/store-calls.js'
import { UnsavedEnds } from './journal/unsaved-ends.js'
import { type WorkerLease, workerLease } from './journal/worker-lease.js'
import { type WorkerWatch, workerWatch } from './journal/worker-watch.js'
import type { Logger } from './log-event.js'
import type { SoraPipelineOptions } from './options.js'
import { coreOf, type PipelineCore } from './pipeline-core.js'
import { coreOfPipeline } from './pipeline-cores.js'
import { limitsOf } from './run-limits.js'
import { type RunLine, runLine } from './run-line.js'
import { uploadVerifier, type VerifyUpload } from './verify-upload.js'
import { type SourceOfUrl, sourceOfUrl } from './video/open-url.js'

/** Options with every default filled in. */
export interface PipelineConfig
  extends Omit<
    Required<SoraPipelineOptions>,
    | 'publisher'
    | 'resolver'
    | 'uploader'
    | 'onEvent'
    | 'logger'
    | 'deadlines'
    | 'allowPrivateAddresses'
    | 'openUrl'
    | 'maxConcurrentRuns'
    | 'verifyUploads'
    | 'learnDurations'
    | 'wakeUrl'
    | 'beforeSubmit'
  > {
  readonly publisher: Publisher | undefined
  /** Resumes a run of the store in the background. */
  readonly resumeRun?: ((id: string) => void) | undefined
  readonly resolver: Resolver | undefined
  readonly uploader: Uploader | undefined
  readonly onEvent: ((event: PipelineEvent) => unknown) | undefined
  readonly wakeUrl: SoraPipelineOptions['wakeUrl']
  readonly beforeSubmit: SoraPipelineOptions['beforeSubmit']
  readonly logger: Logger | undefined
  readonly recordInputs: boolean
  readonly deadlines: EveryDeadline
  readonly unpublishAfterUpload: boolean
  /** With a time limit on each operation. */
  readonly store: RunStore
  /** As the caller passed it. */
  readonly rawStore: RunStore & DiagnosableStore
  /** Whether the store is in the memory of this pipeline, so that none of its operations can hang. */
  readonly hasOwnStore: boolean
  readonly unsavedEnds: UnsavedEnds
  readonly clock: Clock
  readonly leaseMs: number
  readonly storeTimeoutMs: number
  readonly lease: WorkerLease
  readonly watch: WorkerWatch
  readonly spending: OwnerSpending
  readonly pollSchedule: PollSchedule
  /** `undefined` when durations are not learned. */
  readonly durations: LearnedDurations | undefined
  /** The polls of jobs that are due together. */
  readonly sweeps: PollSweeps
  /** The submissions that are under way. */
  readonly submissions: SubmissionLines
  readonly sourceOfUrl: SourceOfUrl
  /** `undefined` when copies are not verified. */
  readonly verifyUpload: VerifyUpload | undefined
  /** Aborted when the pipeline closes. */
  readonly closing: AbortController
  /** Writes of events that are under way. */
  readonly eventWrites: Set<Promise<void>>
  /** Queue of runs that wait for a place; `undefined` without a limit. */
  readonly line: RunLine | undefined
}

const configs = new WeakMap<PipelineCore, PipelineConfig>()

/** The configuration of a pipeline; `undefined` for any other value. */
export function configOfPipeline(pipeline: unknown): PipelineConfig | undefined {
  const core = coreOfPipeline(pipeline)
  return core && configOfCore(core)
}

/**
 * Checks the options and fills in the defaults.
 * @throws ConfigurationError naming every problem.
 */
export function configOf(options: SoraPipelineOptions): PipelineConfig {
  return configOfCore(coreOf(options))
}

/** Fills in the defaults of the options of a pipeline, once. */
export function configOfCore(core: PipelineCore): PipelineConfig {
  let config = configs.get(core)
  if (config === undefined) {
    config = completed(core)
    configs.set(core, config)
  }
  return config
}

function completed(options: PipelineCore): PipelineConfig {
  const { clock, closing, storeTimeoutMs, leaseMs = 10_000, allowPrivateAddresses } = options
  const rawStore = options.store ?? ownStore(clock)
  const limits = limitsOf(options.maxConcurrentRuns)
  const unsavedEnds = new UnsavedEnds()
  const hasOwnStore = options.store === undefined
  const store = unsavedEnds.over(hasOwnStore ? rawStore : withinTime(rawStore, clock, () => storeTimeoutMs))
  const hasWebhooks = options.wakeUrl !== undefined
  return {
    generator: options.generator,
    publisher: options.publisher,
    resolver: options.resolver,
    uploader: options.uploader,
    store,
    rawStore,
    hasOwnStore,
    unsavedEnds,
    deadlines: deadlinesOf(options.deadlines),
    onEvent: options.onEvent,
    wakeUrl: options.wakeUrl,
    beforeSubmit: options.beforeSubmit,
    logger: options.logger,
    recordInputs: options.recordInputs ?? false,
    unpublishAfterUpload: options.unpublishAfterUpload ?? false,
    pollSchedule: options.pollSchedule ?? pacedBy(),
    durations: options.learnDurations === false ? undefined : learnedDurations(),
    sweeps: new PollSweeps(clock),
    submissions: new SubmissionLines(clock),
    sourceOfUrl: sourceOfUrl({ openUrl: options.openUrl, allowPrivateAddresses, clock }),
    verifyUpload: options.verifyUploads ? uploadVerifier({ allowPrivateAddresses, clock }) : undefined,
    clock,
    leaseMs,
    storeTimeoutMs,
    lease: workerLease({ worker: crypto.randomUUID(), store, clock, leaseMs, hasWebhooks }),
    watch: workerWatch(clock),
    closing,
    resumeRun: options.resumeRun,
    eventWrites: new Set(),
    spending: ownerSpending(store),
    line: limits && runLine(limits),
  }
}

// No other process or pipeline can read it, so an event log and notes would only cost memory.
function ownStore(clock: Clock): RunStore & DiagnosableStore {
  const { appendEvents: _append, readEvents: _events, followEvents: _follow, ...store } = memoryRuns({ clock })
  const { readNote: _note, saveNote: _save, dueNotes: _due, ...own } = store
  return own
}

/** The same pipeline as another worker with its own runs. */
export function withOwnWorker(config: PipelineConfig): PipelineConfig {
  const { store, clock, leaseMs, wakeUrl } = config
  const hasWebhooks = wakeUrl !== undefined
  return { ...config, lease: workerLease({ worker: crypto.randomUUID(), store, clock, leaseMs, hasWebhooks }) }
}
