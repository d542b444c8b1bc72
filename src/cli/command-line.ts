import { createRequire } from 'node:module'
import { isSoraPipelineError } from 'sora-pipeline'
import { toErrorJson } from '../contracts/errors.js'
import type { Command, CommandContext, CommandGroup } from './command.js'
import { CommandError } from './command-error.js'
import { demoCommand } from './demo/demo-command.js'
import { doctorCommand } from './doctor/doctor-command.js'
import { EXIT_CODE_HELP, EXIT_CODES } from './exit-code.js'
import { migrateCommand } from './migrate-command.js'
import { playCommand } from './play/play-command.js'
import { printable } from './printable.js'
import { readArguments, secondName, UsageError, unknownName } from './read-arguments.js'
import { runsCommands } from './runs/runs-commands.js'

// Further commands are added here.
const COMMANDS: Readonly<Record<string, Command | CommandGroup>> = {
  demo: demoCommand,
  doctor: doctorCommand,
  migrate: migrateCommand,
  play: playCommand,
  runs: runsCommands,
}

const GLOBAL_OPTIONS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/** Runs the command of the arguments, and resolves to its exit code. */
export async function runCommandLine(args: readonly string[], context: CommandContext): Promise<number> {
  const { stdout } = context
  let isBroken = false
  // Without a listener, a reader that closes the output ends the process with a stack.
  stdout.on('error', () => {
    isBroken = true
  })
  const exitCode = await exitCodeOf(args, context)
  await new Promise<void>((resolve) => stdout.write('', () => resolve()))
  return isBroken ? EXIT_CODES['broken-pipe'] : exitCode
}

async function exitCodeOf(args: readonly string[], context: CommandContext): Promise<number> {
  try {
    return await run(args, context)
  } catch (error) {
    const isUsage = error instanceof UsageError
    if (!isUsage && args.includes('--json')) context.stdout.write(`${JSON.stringify({ error: toErrorJson(error) })}\n`)
    context.stderr.write(isUsage ? `${printable(error.message)}\nRun ${helpCommandOf(args)}\n` : `${textOf(error)}\n`)
    return isUsage ? EXIT_CODES.usage : EXIT_CODES.failed
  }
}

async function run(args: readonly string[], context: CommandContext): Promise<number> {
  const [name = '', ...rest] = args
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (named !== undefined) return 'commands' in named ? runOf(named, rest, context) : runOne(named, rest, context)
  const known = Object.keys(COMMANDS)
  if (name === '') throw new UsageError([`the command is missing; give one of ${known.join(', ')}`])
  if (!name.startsWith('-')) throw new UsageError([unknownName(name, known)])
  const { values } = readArguments(args, { options: GLOBAL_OPTIONS, maxArguments: 0 })
  context.stdout.write(values.version === true ? `${packageVersion()}\n` : `${help()}\n`)
  return EXIT_CODES.done
}

async function runOf(group: CommandGroup, args: readonly string[], context: CommandContext): Promise<number> {
  const { name, rest } = secondName(args, group.commands)
  const known = Object.keys(group.commands)
  if (name === undefined) {
    if (!args.some((arg) => arg === '--help' || arg === '-h')) {
      throw new UsageError([`the command is missing; give one of ${known.join(', ')}`])
    }
    context.stdout.write(`${group.help}\n\n${EXIT_CODE_HELP}\n`)
    return EXIT_CODES.done
  }
  const command = Object.hasOwn(group.commands, name) ? group.commands[name] : undefined
  if (command === undefined) throw new UsageError([unknownName(name, known)])
  return runOne(command, rest, context)
}

async function runOne(command: Command, args: readonly string[], context: CommandContext): Promise<number> {
  const options = { ...command.options, help: GLOBAL_OPTIONS.help }
  const given = readArguments(args, { ...command, options })
  if (given.values.help !== true) return command.run(given, context)
  context.stdout.write(`${command.help}\n\n${EXIT_CODE_HELP}\n`)
  return EXIT_CODES.done
}

// The help of the command that the arguments name, also if the rest of them is wrong.
function helpCommandOf([name = '', ...rest]: readonly string[]): string {
  const named = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (named === undefined) return 'sora-pipeline --help for the commands and options'
  if (!('commands' in named)) return `sora-pipeline ${name} --help for the options`
  const second = secondName(rest, named.commands).name ?? ''
  if (!Object.hasOwn(named.commands, second)) return `sora-pipeline ${name} --help for the commands`
  return `sora-pipeline ${name} ${second} --help for the options`
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
  if (!(error instanceof Error)) return printable(String(error))
  if (isSoraPipelineError(error) || error instanceof CommandError) return printable(error.message)
  return error.stack ?? error.message
}
