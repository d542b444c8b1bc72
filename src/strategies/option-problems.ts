import { describeValue } from '../contracts/errors.js'
import { ConfigurationError, type InputProblem } from '../contracts/input-errors.js'
import { isPlainHttp } from '../upstream/plain-http.js'
import { type Credential, credentialProblemOf } from '../upstream/secret.js'

/** One thing that is wrong with the options, or nothing. */
export type OptionProblem = InputProblem | undefined

const LONGEST_TIMER_MS = 2_147_483_647
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/

/** Refuses options that cannot work, with every problem at once. */
export function throwProblems(subject: string, found: readonly OptionProblem[]): void {
  const problems = found.filter((problem) => problem !== undefined)
  if (problems.length > 0) throw new ConfigurationError(subject, problems)
}

/** A problem, with its value shortened for people. */
export function optionProblem(field: string, value: unknown, fix: string): InputProblem {
  return { field, value: describeValue(value), fix }
}

/** A text that is not empty. */
export function textProblem(field: string, value: unknown, fix: string): OptionProblem {
  return typeof value === 'string' && value.trim() !== '' ? undefined : optionProblem(field, value, fix)
}

/** An absolute http or https address that names no user. */
export function addressProblem(field: string, value: unknown, example: string): OptionProblem {
  const fix = `give an absolute http or https address, such as ${example}`
  if (typeof value !== 'string' || !URL.canParse(value)) return optionProblem(field, withoutSecrets(value), fix)
  const url = new URL(value)
  if (isPlainHttp(url)) return undefined
  const isWeb = /^https?:$/.test(url.protocol)
  const webFix = 'leave user name and password out, and give them in headers'
  return optionProblem(field, withoutSecrets(value), isWeb ? webFix : fix)
}

/** A credential that a header can carry; its value is never shown. */
export function credentialProblem(field: string, value: Credential | undefined): OptionProblem {
  if (value === undefined || typeof value === 'function') return undefined
  const problem = credentialProblemOf(value)
  return problem === undefined
    ? undefined
    : { field, value: 'unusable', fix: `${problem}; leave the option out for no key` }
}

/** Headers that cannot be sent; their values are never shown. */
export function headerProblems(
  field: string,
  value: Readonly<Record<string, string>> | undefined,
): readonly OptionProblem[] {
  const fix = 'give a header name, and ASCII text without line breaks'
  return Object.entries(value ?? {})
    .filter(([name, text]) => !HEADER_NAME.test(name) || (text !== '' && credentialProblemOf(text) !== undefined))
    .map(([name]) => ({ field: `${field}[${JSON.stringify(name)}]`, value: 'unusable', fix }))
}

/** Milliseconds above 0 that a timer can hold; `Infinity` for no limit. */
export function timeoutProblem(field: string, value: unknown): OptionProblem {
  const isFine =
    typeof value === 'number' && value > 0 && (value <= LONGEST_TIMER_MS || value === Number.POSITIVE_INFINITY)
  const fix = `give milliseconds above 0 and at most ${LONGEST_TIMER_MS}, or Infinity`
  return isFine ? undefined : optionProblem(field, value, fix)
}

/** One of a few words. */
export function choiceProblem(field: string, value: unknown, choices: readonly string[]): OptionProblem {
  return choices.includes(String(value)) ? undefined : optionProblem(field, value, `give ${choices.join(' or ')}`)
}

function withoutSecrets(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/\/\/[^/]*@/, '//').replace(/[?#].*/s, '') : value
}
