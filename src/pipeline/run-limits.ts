import type { OptionRule } from '../contracts/check-options.js'
import { nested, rule, ruleOf } from '../contracts/option-rules.js'

/** How many runs a pipeline works on at the same time; each a whole number above 0, or `Infinity`. */
export interface RunLimits {
  /**
   * Maximum number of runs at the same time, a whole number from 1, or `Infinity` for no limit. Further runs wait in a queue.
   * @defaultValue `Infinity`
   */
  readonly total?: number | undefined
  /**
   * Maximum number of runs of one owner at the same time, a whole number from 1, or `Infinity` for no limit; runs without an
   * owner count as runs of one owner. Further runs wait in a queue, and runs of other owners pass them.
   * @defaultValue `Infinity`
   */
  readonly perOwner?: number | undefined
}

const A_LIMIT = rule(isLimit, 'give a whole number above 0, or { total, perOwner }')
const LIMITS = nested<RunLimits>({ total: A_LIMIT, perOwner: A_LIMIT })

/** The limits of the option; `undefined` when runs never wait. */
export function limitsOf(option: number | RunLimits | undefined): RunLimits | undefined {
  return typeof option === 'number' ? { total: option } : option
}

/** The rule of `maxConcurrentRuns`. */
export const limitRule: OptionRule = ruleOf((field, value) =>
  typeof value === 'object' ? LIMITS.problems(field, value) : A_LIMIT.problems(field, value),
)

function isLimit(value: unknown): boolean {
  return value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) > 0)
}
