import type { Clock } from '../contracts/clock.js'
import { describeValue } from '../contracts/errors.js'
import type { PipelineEvent } from '../contracts/events.js'
import type { Generator } from '../contracts/generator.js'
import { ConfigurationError, type InputProblem } from '../contracts/input-errors.js'
import type { PollSchedule } from '../contracts/poll-schedule.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import type { RunStore } from '../contracts/run-store.js'
import type { Uploader } from '../contracts/uploader.js'
import { memoryStore } from '../stores/memory-store.js'
import { paceSchedule } from '../timing/pace-schedule.js'
import { systemClock } from '../timing/system-clock.js'
import { type AllowPrivateAddresses, allowPrivateAddressesProblem } from '../upstream/download/allowed-destinations.js'
import { withinTime } from './journal/store-calls.js'
import { type WorkerLease, workerLease } from './journal/worker-lease.js'
import { type WorkerWatch, workerWatch } from './journal/worker-watch.js'
import { limitsOf, type RunLimits, type RunLine, runLimitProblems, runLine } from './run-line.js'
import { STRATEGY_OPTIONS, strategyProblems } from './strategy-problems.js'
import { type OpenUrl, type SourceOfUrl, sourceOfUrl } from './video/open-url.js'

/** How long things may take, in milliseconds above 0; `Infinity` for no limit. Each has its own default. */
export interface Deadlines {
  /**
   * From the first submission to the video. When it passes the run fails with a `StageTimeoutError` that carries the handle; the
   * job is not cancelled and goes on costing.
   * @defaultValue 1800000 (30 minutes)
   */
  readonly generateMs?: number | undefined
  /** Publishing; then the run continues without it. @defaultValue 60000 */
  readonly publishMs?: number | undefined
  /** Resolving; then the run continues without it. @defaultValue 120000 */
  readonly resolveMs?: number | undefined
  /** Uploading; then the run continues without it. @defaultValue 900000 (15 minutes) */
  readonly uploadMs?: number | undefined
  /**
   * The whole run. When it passes after the generation, the run completes with the best URL it has.
   * @defaultValue 3600000 (1 hour)
   */
  readonly totalMs?: number | undefined
}

/** What a {@link SoraPipeline} is made of. Only the generator is required. */
export interface SoraPipelineOptions {
  readonly generator: Generator
  readonly publisher?: Publisher | undefined
  readonly resolver?: Resolver | undefined
  readonly uploader?: Uploader | undefined
  /** Where runs are kept. @defaultValue memoryStore() */
  readonly store?: RunStore | undefined
  readonly deadlines?: Deadlines | undefined
  /** Called with every event of every run, and not waited for. What it throws or rejects with becomes a `warning` event, once a run. */
  readonly onEvent?: ((event: PipelineEvent) => unknown) | undefined
  /** Take the post back once the video was uploaded; best effort. @defaultValue false */
  readonly unpublishAfterUpload?: boolean | undefined
  /** When to ask for a job again. @defaultValue paceSchedule() */
  readonly pollSchedule?: PollSchedule | undefined
  /**
   * How to open a public URL for an uploader.
   * @defaultValue a guarded GET: see `allowPrivateAddresses`
   */
  readonly openUrl?: OpenUrl | undefined
  /**
   * Which URLs of videos are opened beyond those on public addresses at ports 80 and 443: hosts (`'127.0.0.1'`), hosts with a
   * port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything. One that is not listed rejects with a
   * `NetworkError`, also when a redirect or a look-up leads there. With an `openUrl` of its own this option has no effect.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * How long a sign of life of this process lasts, in milliseconds above 0; one is written every third of it, however many runs the
   * process holds. After a crash another process takes a run over when it has seen no new one for this long, or for half of it when
   * the store says as well that it has expired.
   * @defaultValue 10000
   */
  readonly leaseMs?: number | undefined
  /**
   * How long one operation of the store may take, in milliseconds above 0; then it fails as if the store were down. Near the end of
   * `totalMs` it is less, but at least a second.
   * @defaultValue 10000
   */
  readonly storeTimeoutMs?: number | undefined
  /**
   * How many runs this pipeline works on at once: all of them (a number, or `total`), and those of one owner (`perOwner`). Further
   * runs are saved and wait in line before they submit, first come, first served, as `running` with the phase `waiting`; their deadlines
   * begin after it. A run whose job may be running never waits. Calls of `advance` are not counted.
   * @defaultValue Infinity
   */
  readonly maxConcurrentRuns?: number | RunLimits | undefined
  /** @defaultValue the machine's own time */
  readonly clock?: Clock | undefined
}

/** Options with every default filled in. */
export interface PipelineConfig
  extends Omit<
    Required<SoraPipelineOptions>,
    | 'publisher'
    | 'resolver'
    | 'uploader'
    | 'onEvent'
    | 'deadlines'
    | 'allowPrivateAddresses'
    | 'openUrl'
    | 'maxConcurrentRuns'
  > {
  readonly publisher: Publisher | undefined
  readonly resolver: Resolver | undefined
  readonly uploader: Uploader | undefined
  readonly onEvent: ((event: PipelineEvent) => unknown) | undefined
  readonly deadlines: Readonly<Record<keyof Deadlines, number>>
  readonly unpublishAfterUpload: boolean
  /** With a limit on the time of each operation. */
  readonly store: RunStore
  /** As the caller gave it. */
  readonly rawStore: RunStore
  readonly clock: Clock
  readonly leaseMs: number
  readonly storeTimeoutMs: number
  readonly lease: WorkerLease
  readonly watch: WorkerWatch
  readonly pollSchedule: PollSchedule
  readonly sourceOfUrl: SourceOfUrl
  /** Where runs wait to be worked on; `undefined` when they never do. */
  readonly line: RunLine | undefined
}

const DEADLINES: PipelineConfig['deadlines'] = {
  generateMs: 1_800_000,
  publishMs: 60_000,
  resolveMs: 120_000,
  uploadMs: 900_000,
  totalMs: 3_600_000,
}

/**
 * Checks the options and fills in the defaults.
 * @throws ConfigurationError naming every problem.
 */
export function configOf(options: SoraPipelineOptions): PipelineConfig {
  const problems = problemsOf(options)
  if (problems.length > 0) throw new ConfigurationError('SoraPipeline', problems)
  const { clock = systemClock, storeTimeoutMs = 10_000, leaseMs = 10_000 } = options
  const rawStore = options.store ?? memoryStore({ clock })
  const limits = limitsOf(options.maxConcurrentRuns)
  const store = withinTime(rawStore, clock, () => storeTimeoutMs)
  const given = Object.entries(options.deadlines ?? {}).filter(([, value]) => value !== undefined)
  return {
    generator: options.generator,
    publisher: options.publisher,
    resolver: options.resolver,
    uploader: options.uploader,
    store,
    rawStore,
    deadlines: { ...DEADLINES, ...Object.fromEntries(given) },
    onEvent: options.onEvent,
    unpublishAfterUpload: options.unpublishAfterUpload ?? false,
    pollSchedule: options.pollSchedule ?? paceSchedule(),
    sourceOfUrl: sourceOfUrl({ openUrl: options.openUrl, allowPrivateAddresses: options.allowPrivateAddresses, clock }),
    clock,
    leaseMs,
    storeTimeoutMs,
    lease: workerLease({ worker: crypto.randomUUID(), store, clock, leaseMs }),
    watch: workerWatch(clock),
    line: limits && runLine(limits),
  }
}

/** The same pipeline as another worker, which holds runs of its own. */
export function withOwnWorker(config: PipelineConfig): PipelineConfig {
  const { store, clock, leaseMs } = config
  return { ...config, lease: workerLease({ worker: crypto.randomUUID(), store, clock, leaseMs }) }
}

const FUNCTIONS = ['onEvent', 'pollSchedule', 'openUrl'] as const
const DURATIONS = ['leaseMs', 'storeTimeoutMs'] as const
const METHODS = {
  store: ['create', 'load', 'save', 'reschedule', 'claim', 'due', 'heartbeat', 'retire'],
  clock: ['now', 'monotonic', 'sleep'],
} as const
const KNOWN: ReadonlySet<string> = new Set([
  ...STRATEGY_OPTIONS,
  ...Object.keys(METHODS),
  ...FUNCTIONS,
  'deadlines',
  'unpublishAfterUpload',
  'allowPrivateAddresses',
  'maxConcurrentRuns',
  ...DURATIONS,
])

function problemsOf(options: SoraPipelineOptions): InputProblem[] {
  if (typeof options !== 'object' || options === null) {
    return [{ field: 'options', value: describeValue(options), fix: 'give an object with a generator' }]
  }
  const problems: InputProblem[] = []
  const add = (field: string, value: unknown, fix: string) => problems.push({ field, value: describeValue(value), fix })
  for (const field of Object.keys(options)) {
    if (!KNOWN.has(field)) problems.push({ field, value: 'unknown', fix: `give one of ${[...KNOWN].join(', ')}` })
  }
  problems.push(...strategyProblems(options, problems.length === 0))
  for (const [field, methods] of Object.entries(METHODS)) {
    const value: unknown = options[field as keyof typeof METHODS]
    if (value === undefined) continue
    const missing = methods.filter((method) => typeof Object(value)[method] !== 'function')
    if (missing.length > 0) add(field, value, `give an object with ${missing.join(', ')}`)
  }
  for (const field of FUNCTIONS) {
    const value: unknown = options[field]
    if (value !== undefined && typeof value !== 'function') add(field, value, 'give a function')
  }
  const { unpublishAfterUpload: unpublish } = options
  if (unpublish !== undefined && typeof unpublish !== 'boolean')
    add('unpublishAfterUpload', unpublish, 'give true or false')
  const addresses = allowPrivateAddressesProblem(options.allowPrivateAddresses)
  if (addresses !== undefined) problems.push(addresses)
  problems.push(...runLimitProblems(options.maxConcurrentRuns))
  for (const field of DURATIONS) {
    const value = options[field]
    if (value !== undefined && !(value > 0 && Number.isFinite(value))) add(field, value, 'give milliseconds above 0')
  }
  for (const [name, value] of Object.entries(options.deadlines ?? {})) {
    const field = `deadlines.${name}`
    if (!(name in DEADLINES)) add(field, value, `give one of ${Object.keys(DEADLINES).join(', ')}`)
    else if (value !== undefined && !(typeof value === 'number' && value > 0))
      add(field, value, 'give milliseconds above 0')
  }
  return problems
}
