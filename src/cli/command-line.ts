import { createRequire } from 'node:module'
import { isSoraPipelineError } from 'sora-pipeline'
import type { Command, CommandContext } from './command.js'
import { demoCommand } from './demo/demo-command.js'
import { EXIT_CODE_HELP, EXIT_CODES } from './exit-code.js'
import { playCommand } from './play/play-command.js'
import { readArguments, UsageError, unknownName } from './read-arguments.js'

// Further commands are added here.
const COMMANDS: Readonly<Record<string, Command>> = {
  demo: demoCommand,
  play: playCommand,
}

const GLOBAL_OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/** Runs the command of the arguments, and resolves to its exit code. */
export async function runCommandLine(args: readonly string[], context: CommandContext): Promise<number> {
  try {
    return await run(args, context)
  } catch (error) {
    if (error instanceof UsageError) {
      context.stderr.write(`${error.message}\nRun sora-pipeline --help for the commands and options\n`)
      return EXIT_CODES.usage
    }
    context.stderr.write(`${textOf(error)}\n`)
    return EXIT_CODES.failed
  }
}

async function run(args: readonly string[], context: CommandContext): Promise<number> {
  const [name = '', ...rest] = args
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command !== undefined) {
    const options = { ...command.options, help: GLOBAL_OPTIONS.help }
    const given = readArguments(rest, { options, maxArguments: command.maxArguments })
    if (given.values.help !== true) return command.run(given, context)
    context.stdout.write(`${command.help}\n\n${EXIT_CODE_HELP}\n`)
    return EXIT_CODES.done
  }
  const known = Object.keys(COMMANDS)
  if (name === '') throw new UsageError([`the command is missing; give one of ${known.join(', ')}`])
  if (!name.startsWith('-')) throw new UsageError([unknownName(name, known)])
  const { values } = readArguments(args, { options: GLOBAL_OPTIONS, maxArguments: 0 })
  context.stdout.write(values.version === true ? `${packageVersion()}\n` : `${help()}\n`)
  return EXIT_CODES.done
}

function help(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(9)}  ${summary}`)
  return `Usage: sora-pipeline <command> [options]

Commands:
${rows.join('\n')}

Options:
  -h, --help     print this, or with a command its options
  -v, --version  print the version

${EXIT_CODE_HELP}`
}

// By the name of the package, because the depth of a built file is unknown.
function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('sora-pipeline/package.json') as { readonly version: string }
  return version
}

// The stack is shown only for unexpected errors.
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return isSoraPipelineError(error) ? error.message : (error.stack ?? error.message)
}
