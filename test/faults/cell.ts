import type { Played, World } from './world.ts'

/** One fault at one stage. */
export interface Cell {
  /** Number in the fault catalogue. */
  readonly row: number
  readonly fault: string
  readonly stage: string
  readonly expected: string
  play(world: World): Promise<{ readonly played?: Played; readonly outcome: string }>
}

/** The outcome of a cell. */
export interface CellReport extends Omit<Cell, 'play'> {
  readonly outcome: string
  /** Violations of what must hold for every outcome, one sentence each. */
  readonly problems: readonly string[]
  readonly realMs: number
}
