import {
  type OptionProblem,
  type OptionRule,
  type OptionRules,
  optionProblem,
  problemsOfOptions,
} from './check-options.js'

/** The longest wait that a timer can measure, in milliseconds: about 24.8 days. */
export const LONGEST_TIMER_MS = 2_147_483_647

/** A rule with one test. */
export function rule(isRight: (value: unknown) => boolean, fix: string): OptionRule {
  return { problems: (field, value) => (isRight(value) ? [] : [optionProblem(field, value, fix)]) }
}

/** The rule of an option that must be given. */
export function required(inner: OptionRule): OptionRule {
  return { ...inner, isRequired: true }
}

/** A rule with a function that finds the problems. */
export function ruleOf(find: (field: string, value: unknown) => OptionProblem | readonly OptionProblem[]): OptionRule {
  return { problems: (field, value) => [find(field, value)].flat() }
}

/** An object of options with its own rules. */
export function nested<Options>(rules: OptionRules<Options>): OptionRule {
  return { problems: (field, value) => problemsOfOptions(field, value, rules) }
}

/** A text that is not blank. */
export function text(fix = 'give a text that is not empty'): OptionRule {
  return rule((value) => typeof value === 'string' && value.trim() !== '', fix)
}

/** A text that is not empty and is never shown. */
export function secret(fix: string): OptionRule {
  return ruleOf((field, value) =>
    typeof value === 'string' && value !== '' ? undefined : { field, value: 'unusable', fix },
  )
}

/** One of a few words. */
export function choice(...choices: readonly string[]): OptionRule {
  return rule((value) => typeof value === 'string' && choices.includes(value), `give ${choices.join(' or ')}`)
}

/** A number that passes a test; `Infinity` only if the test accepts it. */
export function number(isRight: (value: number) => boolean, fix: string): OptionRule {
  return rule((value) => typeof value === 'number' && isRight(value), fix)
}

/** A whole number with a minimum. */
export function whole(least: number, fix = `give a whole number from ${least}`): OptionRule {
  return number((value) => Number.isSafeInteger(value) && value >= least, fix)
}

/** An object with methods. */
export function withMethods(...methods: readonly string[]): OptionRule {
  return rule(
    (value) => methods.every((method) => typeof Object(value)[method] === 'function'),
    `give an object with ${methods.map((method) => `${method}()`).join(', ')}`,
  )
}

export const someTexts: OptionRule = rule(
  (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
  'give a list of texts',
)
export const aFunction: OptionRule = rule((value) => typeof value === 'function', 'give a function')
export const trueOrFalse: OptionRule = rule((value) => typeof value === 'boolean', 'give true or false')
export const msFrom0: OptionRule = number((value) => value >= 0, 'give milliseconds from 0')
export const msAbove0: OptionRule = number((value) => value > 0, 'give milliseconds above 0')
export const aSignal: OptionRule = rule(isAbortSignal, 'give an AbortSignal, such as controller.signal')

/** Milliseconds above 0 that fit into a timer; `Infinity` for no limit. */
export const aTimeout: OptionRule = number(
  (value) => value > 0 && (value <= LONGEST_TIMER_MS || value === Number.POSITIVE_INFINITY),
  `give milliseconds above 0 and at most ${LONGEST_TIMER_MS}, or Infinity`,
)

// A signal of another realm is not an instance of this realm's class.
function isAbortSignal(value: unknown): boolean {
  const { aborted, addEventListener, removeEventListener } = Object(value)
  return (
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  )
}
