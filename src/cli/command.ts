import type { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { ParseArgsOptionsConfig, parseArgs } from 'node:util'

/** The environment of a command: the streams, signals and variables of the process. */
export interface CommandContext {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** Answers to questions are read from it, if it is a terminal. */
  readonly stdin: Readable & { readonly isTTY?: boolean | undefined }
  /** Emits `SIGINT` and `SIGTERM`, as `process` does. */
  readonly signals: EventEmitter
  /** Whether the terminal cannot move its cursor. */
  readonly isDumb: boolean
  /** The variables of the environment. */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A stream that may be a terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean | undefined; readonly columns?: number | undefined }

/** A row of the table of commands in `command-line.ts`. */
export interface Command<Options extends ParseArgsOptionsConfig = ParseArgsOptionsConfig> {
  /** One line for the list of commands. */
  readonly summary: string
  /** The output of `--help`, without the exit codes. */
  readonly help: string
  /** Its own options; every command has `--help` as well. */
  readonly options: Options
  /** Names of the arguments that must be given, such as `['id']`. */
  readonly requiredArguments?: readonly string[] | undefined
  /** Maximum arguments besides its options. */
  readonly maxArguments: number
  /**
   * Runs the command and resolves to the exit code. It is called with a valid command line.
   * @throws UsageError when a value is invalid.
   */
  run(given: GivenArguments<Options>, context: CommandContext): Promise<number>
}

/** Commands under one name, such as `runs list` and `runs show`. Their options may stand before or after the second name. */
export interface CommandGroup {
  /** One line for the list of commands. */
  readonly summary: string
  /** The output of `--help` without a second name, without the exit codes. */
  readonly help: string
  /** The commands by their second name. */
  readonly commands: Readonly<Record<string, Command>>
}

/** The values of options, and the other arguments. */
export type GivenArguments<Options extends ParseArgsOptionsConfig> = Pick<
  ReturnType<typeof parseArgs<{ options: Options; allowPositionals: true }>>,
  'values' | 'positionals'
>
