import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { nearestName } from '../contracts/nearest-name.js'
import type { Command, GivenArguments } from './command.js'

/** An invalid command line; the message names every problem. */
export class UsageError extends Error {
  override readonly name = 'UsageError'

  constructor(problems: readonly string[]) {
    super(`Could not read the command line: ${problems.join('; ')}`)
  }
}

/**
 * Reads options and arguments.
 * @throws UsageError for an unknown option (with the nearest known name), a missing or unexpected value, and too many
 * arguments.
 */
export function readArguments<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  { options, requiredArguments = [], maxArguments }: ArgumentRules<Options>,
): GivenArguments<Options> {
  const lenient = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true })
  const problems = lenient.tokens.flatMap((token) => (token.kind === 'option' ? optionProblems(token, options) : []))
  const { length } = lenient.positionals
  if (length > maxArguments) problems.push(tooMany(length, maxArguments))
  const isHelp = (lenient.values as { readonly help?: unknown }).help === true
  if (!isHelp) problems.push(...requiredArguments.slice(length).map((name) => `the ${name} is missing`))
  if (problems.length > 0) throw new UsageError(problems)
  return parseArgs({ args: [...args], options, allowPositionals: true })
}

type ArgumentRules<Options extends ParseArgsOptionsConfig> = {
  readonly options: Options
} & Pick<Command, 'requiredArguments' | 'maxArguments'>

/**
 * Finds the second name of a command: the first argument that is neither an option nor the value of an option. `rest` are the
 * other arguments.
 */
export function secondName(
  args: readonly string[],
  commands: Readonly<Record<string, Command>>,
): { readonly name: string | undefined; readonly rest: readonly string[] } {
  const options: ParseArgsOptionsConfig = Object.assign(
    {},
    ...Object.values(commands).map((command) => command.options),
  )
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true })
  const texts = tokens.filter((token) => token.kind === 'positional')
  // The value of an option that does not exist looks like an argument.
  const isMistyped = tokens.some((token) => token.kind === 'option' && !Object.hasOwn(options, token.name))
  const first = (isMistyped && texts.find(({ value }) => Object.hasOwn(commands, value))) || texts[0]
  return { name: first?.value, rest: args.filter((_, index) => index !== first?.index) }
}

/** The problem of an unknown name, with the known names. */
export function unknownName(given: string, known: readonly string[]): string {
  // A text with blanks is a prompt whose command is missing.
  const nearest = /\s/.test(given) ? undefined : nearestName(given, known)
  return nearest === undefined
    ? `${given} is unknown; give one of ${known.join(', ')}`
    : `${given} is unknown, did you mean ${nearest}?`
}

interface OptionToken {
  readonly name: string
  /** The option as written, such as `-o` or `--output`. */
  readonly rawName: string
  readonly value: string | undefined
  readonly inlineValue: boolean | undefined
}

function optionProblems(token: OptionToken, options: ParseArgsOptionsConfig): string[] {
  const { name, rawName, value, inlineValue } = token
  const option = Object.hasOwn(options, name) ? options[name] : undefined
  if (option === undefined) {
    const known = Object.keys(options).map((knownName) => `--${knownName}`)
    return [unknownName(rawName, known)]
  }
  if (option.type === 'boolean') return value === undefined ? [] : [`${rawName} takes no value`]
  if (value === undefined || value === '') return [`${rawName} needs a value`]
  // A value that looks like an option is one, and the value before it is missing.
  const isTaken = inlineValue !== true && value.startsWith('-')
  return isTaken ? [`${rawName} needs a value; write ${rawName}=${value} if it is ${value}`] : []
}

function tooMany(count: number, max: number): string {
  return max === 0
    ? 'the command takes no arguments'
    : `${count} arguments are given, and at most ${max} is accepted; put a text with blanks in quotes`
}
