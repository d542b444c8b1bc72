import { type OptionProblem, type OptionRule, type OptionRules, optionProblem } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
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
import { limitRule, type RunLimits } from './run-line.js'
import { strategyProblems } from './strategy-problems.js'
import type { OpenUrl } from './video/open-url.js'

/** What a {@link SoraPipeline} is made of. Only the generator is required. */
export interface SoraPipelineOptions {
  /**
   * Makes the video: one strategy, or a chain such as `fallback(a, b)`. Each generator of a chain needs its own name.
   */
  readonly generator: Generator
  /** Publishes the video as a post. @defaultValue none: the stage is skipped */
  readonly publisher?: Publisher | undefined
  /**
   * Finds a public URL of the video, such as that of a copy without a watermark.
   * @defaultValue none: the stage is skipped
   */
  readonly resolver?: Resolver | undefined
  /** Copies the video to a store of yours. @defaultValue none: the stage is skipped */
  readonly uploader?: Uploader | undefined
  /**
   * Where runs are kept. Only a store outside the process lets a run survive it.
   * @defaultValue `memoryStore()`: runs end with the process
   */
  readonly store?: RunStore | undefined
  /** Time limits of the stages and of the whole run. @defaultValue see each of {@link Deadlines} */
  readonly deadlines?: Deadlines | undefined
  /**
   * Called with every event of every run; its promise is not awaited. What it throws or rejects with becomes a `warning`
   * event, once a run.
   * @defaultValue none
   */
  readonly onEvent?: ((event: PipelineEvent) => unknown) | undefined
  /**
   * Whether the post is removed once the video was uploaded. A failure of it is a warning and does not change the result.
   * @defaultValue `false`
   */
  readonly unpublishAfterUpload?: boolean | undefined
  /**
   * Whether the URL of each uploaded copy is opened before it counts: one GET for its first byte without credentials, and up
   * to two more, 2 and 4 seconds later, where that fails. Status 200 or 206 is needed, and no page or JSON unless the
   * uploader has `givesPageUrl`. A copy that fails is a failed attempt: the next uploader of a chain is called, and what was
   * uploaded stays. It costs a request and its time within `uploadMs`; a store at a private address has to be listed in
   * `allowPrivateAddresses`.
   * @defaultValue `false`
   */
  readonly verifyUploads?: boolean | undefined
  /**
   * When a job is polled again, in milliseconds from 0 after the last answer; `Infinity` for not before the deadline. What
   * is not such a number is a warning, and the default counts.
   * @defaultValue `paceSchedule()`
   */
  readonly pollSchedule?: PollSchedule | undefined
  /**
   * Opens a public URL for an uploader; it is called with no credential.
   * @defaultValue a GET that reaches public addresses and those of `allowPrivateAddresses`
   */
  readonly openUrl?: OpenUrl | undefined
  /**
   * Which URLs of videos are opened beyond those on public addresses at ports 80 and 443: hosts (`'127.0.0.1'`), hosts with
   * a port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything. A URL that is not listed rejects with
   * a `NetworkError`, also when a redirect or a DNS lookup leads there. With an `openUrl` of its own this option has no
   * effect.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /**
   * How long a sign of life of this process counts, in milliseconds above 0 (finite); one is written every third of it,
   * however many runs the process holds. Past it, without a new one, another process takes the runs over; it does so past
   * half of it when the store reports as well that the last one has expired.
   * @defaultValue `10_000` (10 s)
   */
  readonly leaseMs?: number | undefined
  /**
   * Time limit of one operation of the store, in milliseconds above 0 (finite). Past it the operation fails as if the store
   * were down. Near the end of `totalMs` the limit is shorter, but at least a second.
   * @defaultValue `10_000` (10 s)
   */
  readonly storeTimeoutMs?: number | undefined
  /**
   * How many runs this pipeline works on at once: all of them (a number, or `total`), and those of one owner (`perOwner`);
   * whole numbers from 1, or `Infinity`. Further runs are saved and wait in line before they submit, first come, first
   * served, as `running` with the phase `waiting`; their deadlines begin after it. A run whose job may be running never
   * waits. Calls of `advance` are not counted.
   * @defaultValue `Infinity`
   */
  readonly maxConcurrentRuns?: number | RunLimits | undefined
  /**
   * Source of time of the pipeline and of its strategies, such as `manualClock()` in a test.
   * @defaultValue the system clock
   */
  readonly clock?: Clock | undefined
}

const aDuration = number((value) => value > 0 && Number.isFinite(value), 'give milliseconds above 0')
const aClock = withMethods('now', 'monotonic', 'sleep')

/** The rules of the options of a pipeline. */
export const PIPELINE_RULES: OptionRules<SoraPipelineOptions> = {
  generator: required(strategy('generator')),
  publisher: strategy('publisher'),
  resolver: strategy('resolver'),
  uploader: strategy('uploader'),
  store: withMethods('create', 'load', 'save', 'reschedule', 'claim', 'due', 'heartbeat', 'retire'),
  clock: ruleOf((field, value) => {
    const problems = aClock.problems(field, value)
    return problems.length > 0 ? problems : clockProblems(value as Clock)
  }),
  onEvent: aFunction,
  pollSchedule: aFunction,
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

// A job is paid before a run of a broken clock shows it.
function clockProblems(clock: Clock): readonly OptionProblem[] {
  return (['now', 'monotonic'] as const).map((method) => {
    const instant: unknown = clock[method]()
    const fix = 'give a clock that gives milliseconds, a finite number'
    return Number.isFinite(instant) ? undefined : optionProblem(`clock.${method}()`, instant, fix)
  })
}
