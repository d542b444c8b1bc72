import type { BeforeSubmit } from '../contracts/before-submit.js'
import { type OptionProblem, type OptionRule, type OptionRules, optionProblem } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import type { DiagnosableStore } from '../contracts/diagnosable-store.js'
import type { PipelineEvent } from '../contracts/events.js'
import type { Generator } from '../contracts/generator.js'
import { aFunction, number, required, ruleOf, trueOrFalse, withMethods } from '../contracts/option-rules.js'
import type { PollSchedule } from '../contracts/poll-schedule.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import type { RunStore } from '../contracts/run-store.js'
import type { Uploader } from '../contracts/uploader.js'
import { type AllowPrivateAddresses, allowPrivateAddressesProblem } from '../upstream/download/allowed-destinations.js'
import { type Deadlines, deadlineRule } from './deadlines.js'
import { LOG_LEVELS, type Logger } from './log-event.js'
import { limitRule, type RunLimits } from './run-limits.js'
import { strategyProblems } from './strategy-problems.js'
import type { OpenUrl } from './video/open-url.js'

/** Options of a {@link SoraPipeline}. Only the generator is required. */
export interface SoraPipelineOptions {
  /** Generates the video: one strategy, or a chain such as `fallback(a, b)`. Each generator of a chain needs its own name. */
  readonly generator: Generator
  /** Publishes the video as a post. @defaultValue none: the stage is skipped */
  readonly publisher?: Publisher | undefined
  /**
   * Finds a public URL of the video, such as that of a copy without a watermark.
   * @defaultValue none: the stage is skipped
   */
  readonly resolver?: Resolver | undefined
  /** Copies the video to your own storage. @defaultValue none: the stage is skipped */
  readonly uploader?: Uploader | undefined
  /**
   * Keeps the runs. Runs survive the process only in a store outside of it. `diagnose` reports the `durability` of the store.
   * @defaultValue a `memoryStore()` without an event log: runs end with the process
   */
  readonly store?: (RunStore & DiagnosableStore) | undefined
  /** Time limits of the stages and of the whole run. @defaultValue see {@link Deadlines} */
  readonly deadlines?: Deadlines | undefined
  /**
   * Called with every event of every run; its promise is not awaited. An error that it throws or rejects with becomes a `warning`
   * event, once per run.
   * @defaultValue none
   */
  readonly onEvent?: ((event: PipelineEvent) => unknown) | undefined
  /**
   * Gives the address that an upstream calls when the job of a run changes, so that the job is polled at once; `createWakeUrl` of
   * `sora-pipeline/http` makes such a function. An https address, or http of this machine, at most 2,048 characters, and the same
   * in every process. Generators that pass it on declare `callback`, such as `videosApiGenerator` with `callbackField`. A webhook
   * that never comes costs nothing: polls keep their schedule. The process that holds a run learns of a webhook that reaches
   * another process within a second, which costs one read of the store a second. Any other result, or an error, ends the run with
   * a `ConfigurationError` before anything is sent.
   * @defaultValue none: upstreams are only polled
   */
  readonly wakeUrl?: ((runId: string) => string) | undefined
  /**
   * Called before each new submission is saved and sent, also to a further generator of a chain, to refuse it, such as for a
   * budget. A returned reason ends the run with a `QuotaExceededError`; so does that error, or another one of the library about
   * the request or its caller, if it is thrown. Then nothing is sent, and no other generator is tried. A backend answers 402
   * `insufficient_quota`. Any other error or result, or none within 10 seconds, ends the run with a `ConfigurationError`, and
   * nothing is sent either. An unknown submission that is sent again under its key is not refused. Needs a store with `list`.
   * @defaultValue none: nothing is refused
   */
  readonly beforeSubmit?: BeforeSubmit | undefined
  /**
   * Writes one line for each event of each run that this process works on, except for progress and the start of stages, without
   * URLs and secrets: `console`, a pino logger, or any object with these methods. Levels: see {@link Logger}. A logger with a
   * method `bindings`, as that of pino and Fastify, is called with `(fields, message)`, any other one with `(message, fields)`. An
   * error that it throws or rejects with becomes a `warning` event, once per run. A warning of a strategy after the end of its stage,
   * such as of a clean-up after an abort, is written here alone, without a `sequence`.
   * @defaultValue none
   */
  readonly logger?: Logger | undefined
  /**
   * Whether the diagnostics channels carry the prompt of each request, which may be personal. The library publishes only to
   * subscribers, such as `instrument()` of `sora-pipeline/otel`.
   * @defaultValue `false`
   */
  readonly recordInputs?: boolean | undefined
  /**
   * Whether to remove the post after the upload. A failure is a warning and does not change the result.
   * @defaultValue `false`
   */
  readonly unpublishAfterUpload?: boolean | undefined
  /**
   * Whether to open the URL of each uploaded copy before it counts: one GET for its first byte without credentials, and up to two
   * more, 2 and 4 seconds later, if that fails. The response must have status 200 or 206, and must not be a page or JSON unless
   * the uploader has `givesPageUrl`. A copy that fails is a failed attempt: the next uploader of a chain runs, and the uploaded
   * file stays. The check costs a request and its time within `uploadMs`; a service at a private address must be listed in
   * `allowPrivateAddresses`.
   * @defaultValue `false`
   */
  readonly verifyUploads?: boolean | undefined
  /**
   * When to poll a job next, in milliseconds from 0 after the last response; `Infinity` for not before the deadline. Any other
   * value causes a warning, and the default is used.
   * @defaultValue `paceSchedule()`
   */
  readonly pollSchedule?: PollSchedule | undefined
  /**
   * Whether to learn how long jobs take, in the memory of this pipeline, by generator, model, size and duration of the video (256
   * kinds, the last 80 jobs of each). After five jobs of a kind, those that report no progress are polled more often around their
   * usual end, and less often before it.
   * @defaultValue `true`
   */
  readonly learnDurations?: boolean | undefined
  /**
   * Opens a public URL for an uploader; called without credentials.
   * @defaultValue a GET that reaches public addresses and those of `allowPrivateAddresses`
   */
  readonly openUrl?: OpenUrl | undefined
  /**
   * Which URLs of videos may be opened beyond public addresses on ports 80 and 443: hosts (`'127.0.0.1'`), hosts with a port
   * (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for all. A URL that is not listed rejects with a `NetworkError`,
   * also after a redirect or a DNS lookup. With a custom `openUrl` this option has no effect.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * How long a heartbeat of this process is valid, in milliseconds above 0 (finite). One heartbeat for all runs of the process is
   * written every third of it. Past it, without a new one, another process takes the runs over; past half of it if the store also
   * reports that the last heartbeat has expired.
   * @defaultValue `10_000` (10 s)
   */
  readonly leaseMs?: number | undefined
  /**
   * Time limit of one store operation, in milliseconds above 0 (finite). After it the operation fails as if the store were down.
   * Near the end of `totalMs` the limit is shorter, but at least a second.
   * @defaultValue `10_000` (10 s)
   */
  readonly storeTimeoutMs?: number | undefined
  /**
   * How many runs this pipeline works on at the same time: in total (a number, or `total`), and per owner (`perOwner`); whole
   * numbers from 1, or `Infinity`. Further runs are saved and wait in a queue before they submit, first in, first out, as
   * `running` with the phase `waiting`; their deadlines start after the wait. A run whose job may be running never waits. Calls
   * of `advance` are not counted.
   * @defaultValue `Infinity`
   */
  readonly maxConcurrentRuns?: number | RunLimits | undefined
  /**
   * Clock of the pipeline and of its strategies, such as `manualClock()` in a test.
   * @defaultValue the system clock
   */
  readonly clock?: Clock | undefined
}

const aDuration = number((value) => value > 0 && Number.isFinite(value), 'give milliseconds above 0')
const aStore = withMethods('create', 'load', 'save', 'reschedule', 'claim', 'due', 'heartbeat', 'retire')
const aClock = withMethods('now', 'monotonic', 'sleep')

/** The rules of the options of a pipeline. */
export const PIPELINE_RULES: OptionRules<SoraPipelineOptions> = {
  generator: required(strategy('generator')),
  publisher: strategy('publisher'),
  resolver: strategy('resolver'),
  uploader: strategy('uploader'),
  store: ruleOf((field, value) => {
    const problems = aStore.problems(field, value)
    return problems.length > 0 ? problems : partOfLog(field, Object(value))
  }),
  clock: ruleOf((field, value) => {
    const problems = aClock.problems(field, value)
    return problems.length > 0 ? problems : clockProblems(value as Clock)
  }),
  onEvent: aFunction,
  wakeUrl: aFunction,
  beforeSubmit: aFunction,
  logger: withMethods(...LOG_LEVELS),
  recordInputs: trueOrFalse,
  pollSchedule: aFunction,
  learnDurations: trueOrFalse,
  openUrl: aFunction,
  deadlines: deadlineRule,
  unpublishAfterUpload: trueOrFalse,
  verifyUploads: trueOrFalse,
  allowPrivateAddresses: ruleOf((_, value) => allowPrivateAddressesProblem(value)),
  maxConcurrentRuns: limitRule,
  leaseMs: aDuration,
  storeTimeoutMs: aDuration,
}

function strategy(field: Parameters<typeof strategyProblems>[0]): OptionRule {
  return ruleOf((_, value) => strategyProblems(field, value))
}

// A broken clock would fail only after a job is paid.
function clockProblems(clock: Clock): readonly OptionProblem[] {
  return (['now', 'monotonic'] as const).map((method) => {
    const instant: unknown = clock[method]()
    const fix = 'give a clock that returns finite milliseconds'
    return Number.isFinite(instant) ? undefined : optionProblem(`clock.${method}()`, instant, fix)
  })
}

const LOG_METHODS = ['appendEvents', 'readEvents', 'followEvents'] as const

// One part alone would lose events in silence.
function partOfLog(field: string, store: Partial<RunStore>): OptionProblem | undefined {
  const present = LOG_METHODS.filter((method) => store[method] !== undefined)
  if (present.length === 0 || present.length === LOG_METHODS.length) return undefined
  return optionProblem(field, store, `give a store with all of ${LOG_METHODS.join(', ')}, or none of them`)
}
