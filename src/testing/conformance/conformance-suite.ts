import { checkOptions, type OptionRule, type OptionRules } from '../../contracts/check-options.js'
import type { Clock } from '../../contracts/clock.js'
import { aFunction, aTimeout, required } from '../../contracts/option-rules.js'
import { type Trial, trialOf } from './trial.js'

/** The `test` function of a runner: that of Vitest, `node:test` and Jest as it is. */
export type ConformanceTest = (name: string, run: () => Promise<void>) => unknown

/** What every subject of a suite may say about itself. */
export interface ConformanceSubject {
  /** Credentials that the subject was made with: none may appear in a result, an error, a progress report or a warning. */
  readonly secrets?: readonly string[] | undefined
  /** How many requests the upstream has seen. With it, a call that was aborted beforehand is shown to send none. */
  requests?(): number
  /**
   * The clock of the calls.
   * @defaultValue time that runs twenty times as fast as real time
   */
  readonly clock?: Clock | undefined
  /** Takes down what `create` set up; called after each case, also after a failed one. */
  dispose?(): Promise<void> | void
}

/** What every suite takes. */
export interface ConformanceOptions<Subject> {
  /** The `test` function of the runner; it is called once for each case, at once. */
  readonly test: ConformanceTest
  /** Makes a fresh subject for each case. */
  readonly create: () => Subject | Promise<Subject>
  /**
   * Time limit of one call, in real milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit. Past it the
   * call counts as hanging and its case fails. After an abort the limit is at most one second.
   * @defaultValue `4_000` (4 s)
   */
  readonly timeoutMs?: number | undefined
}

/** What the suite of every strategy takes. */
export interface StrategyConformanceOptions<Subject> extends ConformanceOptions<Subject> {
  /**
   * Makes a subject whose upstream takes every request and never answers. Adds a case.
   * @defaultValue none: the case is left out
   */
  readonly createHanging?: (() => Subject | Promise<Subject>) | undefined
  /** Makes a subject whose upstream refuses every request. Adds a case. @defaultValue none: the case is left out */
  readonly createFailing?: (() => Subject | Promise<Subject>) | undefined
}

/** One named demand of a contract. */
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

/** Checks what a suite that is no strategy's was given. */
export function checkSuite(suite: string, options: unknown): void {
  checkOptions(suite, options, RULES)
}

/** Checks what the suite of a strategy was given, with `further` rules for options that only it has. */
export function checkStrategySuite(
  suite: string,
  options: unknown,
  further: Readonly<Record<string, OptionRule>> = {},
): void {
  checkOptions(suite, options, { ...STRATEGY_RULES, ...further })
}

/** Hands cases to the runner; each gets a fresh subject, which is disposed of afterwards. */
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
