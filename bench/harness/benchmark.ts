/** One line of the table: a figure of this library beside those of others, measured in the same run. */
export interface Row {
  /** What was measured, in a few words. */
  readonly what: string
  readonly ours: string
  /** The goal as it is judged; absent for a figure that is only reported. */
  readonly goal?: string
  /** Whether the goal was met; absent for a figure that is only reported. */
  readonly isMet?: boolean
  /** The least that this work costs, without a library. */
  readonly floor?: string
  /** Figures of other libraries by their names. */
  readonly peers?: Readonly<Record<string, string>>
}

/** How a benchmark is to be run. */
export interface BenchmarkContext {
  /** Whether to run everything once with as little work as possible: its figures mean nothing. */
  readonly isTiny: boolean
  /** Whether a package can be imported by the files of `peers/`. A benchmark leaves out those that cannot. */
  hasPeer(name: string): boolean
  /** Prints a line of detail. */
  say(line: string): void
}

/** One benchmark; `main.ts` lists them. */
export interface Benchmark {
  /** For `--only`. */
  readonly name: string
  run(context: BenchmarkContext): Promise<readonly Row[]>
}
