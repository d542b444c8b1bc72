import { describeValue } from './errors.js'
import { ConfigurationError, type InputProblem } from './input-errors.js'
import { nearestName } from './nearest-name.js'

/** A problem of an option, or `undefined` for a valid one. */
export type OptionProblem = InputProblem | undefined

/** Checks the value of one option, whose path is `field`. */
export interface OptionRule {
  /** Whether the rule also runs for an option that is left out. */
  readonly isRequired?: true
  readonly problems: (field: string, value: unknown) => readonly OptionProblem[]
}

/** One rule for every option, so that an option without a rule does not compile. */
export type OptionRules<Options> = { readonly [Name in keyof Required<Options>]: OptionRule }

/**
 * Checks the options of a factory: that they are an object, that every name is known, and that each value is valid.
 *
 * @param subject - What is configured, such as `videosApiGenerator`.
 * @param further - Problems of options that depend on each other; called when each option is valid.
 * @throws ConfigurationError naming every problem.
 */
export function checkOptions<Options>(
  subject: string,
  given: unknown,
  rules: OptionRules<Options>,
  further?: (options: Options) => readonly OptionProblem[],
): asserts given is Options {
  const problems = problemsOfOptions('options', given, rules, '')
  throwProblems(subject, problems.length > 0 ? problems : (further?.(given as Options) ?? []))
}

/**
 * Problems of an object of options, such as options nested in another option.
 * @param prefix - Prefix of the names in the problems.
 */
export function problemsOfOptions<Options>(
  field: string,
  given: unknown,
  rules: OptionRules<Options>,
  prefix = `${field}.`,
): readonly InputProblem[] {
  const byName = rules as Readonly<Record<string, OptionRule>>
  const names = Object.keys(byName)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const fix = names.length > 0 ? `give an object of ${names.join(', ')}` : 'give an object'
    // A text in the place of the options may be a key.
    return [typeof given === 'string' ? { field, value: 'a string', fix } : optionProblem(field, given, fix)]
  }
  const unknown = unknownNames(Object.keys(given), names, prefix)
  const wrong = Object.entries(byName).flatMap(([name, rule]) => {
    const value: unknown = Object(given)[name]
    return value === undefined && !rule.isRequired ? [] : rule.problems(`${prefix}${name}`, value)
  })
  return [...unknown, ...wrong].filter((problem) => problem !== undefined)
}

/** A problem for each unknown name. */
export function unknownNames(given: readonly string[], known: readonly string[], prefix = ''): readonly InputProblem[] {
  return given
    .filter((name) => !known.includes(name))
    .map((name) => {
      const nearest = nearestName(name, known)
      const fix = nearest === undefined ? `give one of ${known.join(', ')}` : `did you mean ${nearest}?`
      return { field: `${prefix}${name}`, value: 'unknown', fix: known.length > 0 ? fix : 'leave it out' }
    })
}

/** Throws a {@link ConfigurationError} with every problem, if there are any. */
export function throwProblems(subject: string, found: readonly OptionProblem[]): void {
  const problems = found.filter((problem) => problem !== undefined)
  if (problems.length > 0) throw new ConfigurationError(subject, problems)
}

/** A problem with its value shortened for the message. */
export function optionProblem(field: string, value: unknown, fix: string): InputProblem {
  return { field, value: describeValue(value), fix }
}
