import { type OptionRule, throwProblems } from './check-options.js'
import { rule } from './option-rules.js'

/**
 * Checks an argument that is not an object of options.
 * @param subject - The function, such as `toSse`.
 * @throws ConfigurationError naming the argument and the fix.
 */
export function checkArgument(subject: string, name: string, value: unknown, { problems }: OptionRule): void {
  throwProblems(subject, problems(name, value))
}

/** A rule for something that is iterated with `for await`. */
export function anAsyncIterable(fix: string): OptionRule {
  return rule(isAsyncIterable, fix)
}

/** Whether a value can be iterated with `for await`. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    Object(value) === value && typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'
  )
}
