import type { Clock } from '../../contracts/clock.js'
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
  /** Called once for each case, at once. */
  readonly test: ConformanceTest
  /** Makes a fresh subject for each case. */
  readonly create: () => Subject | Promise<Subject>
  /**
   * Real milliseconds after which a call counts as hanging; after an abort it is at most one second.
   * @defaultValue `4_000`
   */
  readonly timeoutMs?: number | undefined
}

/** What the suite of every strategy takes. */
export interface StrategyConformanceOptions<Subject> extends ConformanceOptions<Subject> {
  /** Makes a subject whose upstream takes every request and never answers. Adds a case. */
  readonly createHanging?: (() => Subject | Promise<Subject>) | undefined
  /** Makes a subject whose upstream refuses every request. Adds a case. */
  readonly createFailing?: (() => Subject | Promise<Subject>) | undefined
}

/** One named demand of a contract. */
export interface ConformanceCase<Subject> {
  readonly name: string
  check(subject: Subject, trial: Trial): Promise<void>
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
