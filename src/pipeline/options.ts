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
  /**
   * Open the URL of each uploaded copy before it counts: one GET for its first byte without credentials, and up to two more, 2 and 4
   * seconds later, where that fails. Status 200 or 206 is needed, and no page or JSON unless the uploader has `givesPageUrl`. A copy that
   * fails is a failed attempt: the next uploader of a chain is taken, and what was uploaded stays where it is. Costs a request and its
   * time within `uploadMs`; a store at a private address has to be listed in `allowPrivateAddresses`.
   * @defaultValue false
   */
  readonly verifyUploads?: boolean | undefined
  /**
   * When to ask for a job again, in milliseconds from 0; `Infinity` for not before the deadline. What is no such number is a warning, and
   * the default counts.
   * @defaultValue paceSchedule()
   */
  readonly pollSchedule?: PollSchedule | undefined
  /**
   * How to open a public URL for an uploader.
   * @defaultValue a guarded GET: see `allowPrivateAddresses`
   */
  readonly openUrl?: OpenUrl | undefined
  /**
   * Which URLs of videos are opened beyond those on public addresses at ports 80 and 443: hosts (`'127.0.0.1'`), hosts with a
   * port (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything. One that is not listed rejects with a
   * `NetworkError`, also when a redirect or a lookup leads there. With an `openUrl` of its own this option has no effect.
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
