import type { OptionRules } from '../contracts/check-options.js'
import { msFrom0, rule, text, trueOrFalse } from '../contracts/option-rules.js'
import type { StageContext, StageProgress } from '../contracts/stage.js'

/**
 * The answer of a fake: always the same result, always the same error, one after the other (the last one repeatedly),
 * or the result of a function of the input and the number of the call, from 0.
 */
export type FakeOutcome<Input, Result extends object> =
  | Result
  | Error
  | readonly (Result | Error)[]
  | ((input: Input, call: number) => Result | Promise<Result>)

/** Options of every fake. */
export interface FakeOptions<Input, Result extends object> {
  /** Name of the fake. @defaultValue the name of the factory in kebab-case, such as `'fake-uploader'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * The answer to calls; an error is thrown.
   * @defaultValue a result in the wire format that is common for the stage
   */
  readonly outcome?: FakeOutcome<Input, Result> | undefined
  /**
   * Time on the clock of the context before the outcome, in milliseconds from 0; `Infinity` waits for an abort.
   * @defaultValue `0`, which does not touch the clock
   */
  readonly delayMs?: number | undefined
  /** Reports of each call, in order, before the wait and the outcome. @defaultValue none */
  readonly progress?: readonly StageProgress[] | undefined
  /** Whether calls settle only after an abort. @defaultValue `false` */
  readonly hangs?: boolean | undefined
}

/** The rules for the options of every fake. */
export const FAKE_RULES: OptionRules<FakeOptions<never, object>> = {
  name: text('give a name'),
  label: text('give a display name, or leave it out'),
  outcome: rule(
    (value) => (typeof value === 'object' && value !== null) || typeof value === 'function',
    'give a result, an error, a list of these, or a function',
  ),
  delayMs: msFrom0,
  progress: rule(Array.isArray, 'give a list of progress reports'),
  hangs: trueOrFalse,
}

/** One call of a fake. A call with an already aborted signal does not count. */
export interface FakeCall<Input> {
  /** The first argument of the method. */
  readonly input: Input
  /** Id of the run in its context. */
  readonly runId: string
  /** The key of the submission, for methods that receive one. */
  readonly idempotencyKey?: string
  /** Epoch milliseconds on the context's clock. */
  readonly at: number
}

/** Records a call and plays its outcome. */
export async function playCall<Input, Result extends object>(
  options: FakeOptions<Input, Result>,
  standard: FakeOutcome<Input, Result>,
  calls: FakeCall<Input>[],
  input: Input,
  context: StageContext & { readonly idempotencyKey?: string },
): Promise<Result> {
  const { signal, clock } = context
  signal.throwIfAborted()
  const key = context.idempotencyKey
  const call = calls.push({
    input,
    runId: context.runId,
    ...(key !== undefined && { idempotencyKey: key }),
    at: clock.now(),
  })
  for (const progress of options.progress ?? []) context.report(progress)
  await waitOnClock(options, context)
  return outcomeOf(options.outcome ?? standard, input, call - 1)
}

/** The wait of a call: endless, limited or none. */
export async function waitOnClock(
  options: { readonly delayMs?: number | undefined; readonly hangs?: boolean | undefined },
  { clock, signal }: StageContext,
): Promise<void> {
  const waitMs = options.hangs ? Number.POSITIVE_INFINITY : (options.delayMs ?? 0)
  if (waitMs > 0) await clock.sleep(waitMs, { signal })
}

/** The outcome of the call with that number, from 0; an error is thrown. */
export async function outcomeOf<Input, Result extends object>(
  outcome: FakeOutcome<Input, Result>,
  input: Input,
  call: number,
): Promise<Result> {
  if (typeof outcome === 'function') return outcome(input, call)
  const played = isList(outcome) ? (outcome[call] ?? outcome.at(-1)) : outcome
  if (played === undefined) throw new TypeError('Could not play an outcome: the list is empty')
  if (played instanceof Error) throw played
  return played
}

// `Array.isArray` alone does not narrow a readonly array.
function isList<T>(value: unknown): value is readonly T[] {
  return Array.isArray(value)
}
