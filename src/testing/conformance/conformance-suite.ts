import { checkOptions, type OptionRule, type OptionRules } from '../../contracts/check-options.js'
import type { Clock } from '../../contracts/clock.js'
import { aFunction, aTimeout, required } from '../../contracts/option-rules.js'
import { type Trial, trialOf } from './trial.js'

/** The `test` function of a runner: that of Vitest, `node:test` or Jest. */
export type ConformanceTest = (name: string, run: () => Promise<void>) => unknown

/** The facts that every subject of a suite may give. */
export interface ConformanceSubject {
  /** Credentials of the subject: none may appear in a result, an error, a progress report or a warning. */
  readonly secrets?: readonly string[] | undefined
  /**
   * The number of requests that the upstream has received. With it, the suite checks that a call with an aborted
   * signal sends none.
   */
  requests?(): number
  /**
   * The clock of the calls.
   * @defaultValue time that runs twenty times as fast as real time
   */
  readonly clock?: Clock | undefined
  /** Removes everything that `create` set up; called after each case, also after a failed one. */
  dispose?(): Promise<void> | void
}

/** Options of every suite. */
export interface ConformanceOptions<Subject> {
  /** The `test` function of the runner; it is called once for each case, at once. */
  readonly test: ConformanceTest
  /** Creates a new subject for each case. */
  readonly create: () => Subject | Promise<Subject>
  /**
   * Time limit of one call, in real milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit. Past
   * it the call counts as hanging and its case fails. After an abort the limit is at most one second.
   * @defaultValue `4_000` (4 s)
   */
  readonly timeoutMs?: number | undefined
}

/** Options of the suite of every strategy. */
export interface StrategyConformanceOptions<Subject> extends ConformanceOptions<Subject> {
  /**
   * Creates a subject whose upstream accepts every request and never answers. Adds a case.
   * @defaultValue none: the case is omitted
   */
  readonly createHanging?: (() => Subject | Promise<Subject>) | undefined
  /** Creates a subject whose upstream refuses every request. Adds a case. @defaultValue none: the case is omitted */
  readonly createFailing?: (() => Subject | Promise<Subject>) | undefined
}

/** One named requirement of a contract. */
export interface ConformanceCase<Subject> {
  readonly name: string
  check(subject: Subject, trial: Trial): Promise<void>
}

const RULES: OptionRules<ConformanceOptions<unknown>> = {
  test: required(aFunction),
  create: required(aFunction),
  timeoutMs: aTimeout,
}

const STRATEGY_RULES: OptionRules<StrategyConformanceOptions<unknown>> = {
  ...RULES,
  createHanging: aFunction,
  createFailing: aFunction,
}

/** Checks the options of a suite that is not for a strategy. */
export function checkSuite(suite: string, options: unknown): void {
  checkOptions(suite, options, RULES)
}

/** Checks the options of a strategy's suite, with `further` rules for its own options. */
export function checkStrategySuite(
  suite: string,
  options: unknown,
  further: Readonly<Record<string, OptionRule>> = {},
): void {
  checkOptions(suite, options, { ...STRATEGY_RULES, ...further })
}

/** Registers cases with the runner; each gets a new subject, which is disposed of afterwards. */
export function registerCases<Subject extends ConformanceSubject>(
  options: ConformanceOptions<Subject>,
  cases: readonly ConformanceCase<Subject>[],
): void {
  for (const { name, check } of cases) {
    options.test(name, async () => {
      const subject = await options.create()
      try {
        await check(subject, trialOf(subject, options.timeoutMs ?? 4_000))
      } finally {
        await subject.dispose?.()
      }
    })
  }
}
