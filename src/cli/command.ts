import type { EventEmitter } from 'node:events'
import type { Writable } from 'node:stream'
import type { ParseArgsOptionsConfig, parseArgs } from 'node:util'

/** The environment of a command: the streams and signals of the process. */
export interface CommandContext {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  /** Emits `SIGINT` and `SIGTERM`, as `process` does. */
  readonly signals: EventEmitter
  /** Whether the terminal cannot move its cursor. */
  readonly isDumb: boolean
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
  /** Maximum arguments besides its options. */
  readonly maxArguments: number
  /**
   * Runs the command and resolves to the exit code. It is called with a valid command line.
   * @throws UsageError when a value is invalid.
   */
  run(given: GivenArguments<Options>, context: CommandContext): Promise<number>
}

/** The values of options, and the other arguments. */
export type GivenArguments<Options extends ParseArgsOptionsConfig> = Pick<
  ReturnType<typeof parseArgs<{ options: Options; allowPositionals: true }>>,
  'values' | 'positionals'
>
