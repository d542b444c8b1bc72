import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import type { Clock } from '../contracts/clock.js'
import { aSignal, number, text, withMethods } from '../contracts/option-rules.js'
import type { FindContext, StageProgress, StageWarning, SubmitContext } from '../contracts/stage.js'
import { type ManualClock, manualClock } from './manual-clock.js'

/** Options of {@link fakeContext}. */
export interface FakeContextOptions<C extends Clock = ManualClock> {
  /** Id of the run. @defaultValue `'run_1'` */
  readonly runId?: string | undefined
  /** Signal of the context. @defaultValue a signal that is never aborted */
  readonly signal?: AbortSignal | undefined
  /**
   * Clock of the context.
   * @defaultValue a new {@link manualClock}: a strategy that sleeps continues when the test advances it
   */
  readonly clock?: C | undefined
  /** Key of the submission, for `start` and `find`. @defaultValue `'key_1'` */
  readonly idempotencyKey?: string | undefined
  /** Address that the upstream may call, for `start`: a URL, not checked further. @defaultValue none */
  readonly callbackUrl?: string | undefined
  /**
   * Epoch milliseconds of the submission, for `find`; any finite number, others are refused.
   * @defaultValue the clock's `now()`
   */
  readonly submittedAt?: number | undefined
}

const RULES: OptionRules<FakeContextOptions> = {
  runId: text(),
  signal: aSignal,
  clock: withMethods('now', 'monotonic', 'sleep'),
  idempotencyKey: text(),
  callbackUrl: text(),
  submittedAt: number(Number.isFinite, 'give epoch milliseconds'),
}

/** A context that records the reports of a strategy. */
export interface FakeContext<C extends Clock = ManualClock> extends SubmitContext, FindContext {
  /** The given clock, or a new manual one. */
  readonly clock: C
  /** All progress reports, in order. */
  readonly progress: readonly StageProgress[]
  /** All warnings, in order. */
  readonly warnings: readonly StageWarning[]
}

/**
 * Creates a context for calling a strategy in a test; it works for every method of every stage.
 *
 * @example
 * ```ts
 * import { fakeContext, fakePublisher } from 'sora-pipeline/testing'
 *
 * const context = fakeContext()
 * const { id } = await fakePublisher().publish({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }, context)
 * console.log(id, context.progress.length)
 * ```
 */
export function fakeContext<C extends Clock = ManualClock>(options: FakeContextOptions<C> = {}): FakeContext<C> {
  checkOptions('fakeContext', options, RULES)
  // C is another clock only if one is given.
  const clock = options.clock ?? (manualClock() as Clock as C)
  const progress: StageProgress[] = []
  const warnings: StageWarning[] = []
  return {
    runId: options.runId ?? 'run_1',
    signal: options.signal ?? new AbortController().signal,
    clock,
    idempotencyKey: options.idempotencyKey ?? 'key_1',
    ...(options.callbackUrl !== undefined && { callbackUrl: options.callbackUrl }),
    submittedAt: options.submittedAt ?? clock.now(),
    report: (reported) => void progress.push(reported),
    warn: (warning) => void warnings.push(warning),
    progress,
    warnings,
  }
}
