import type { OptionRule } from '../contracts/check-options.js'
import { msAbove0, nested } from '../contracts/option-rules.js'

/** How long things may take, in milliseconds above 0; `Infinity` for no limit. Each has its own default. */
export interface Deadlines {
  /**
   * From the first submission to the video. When it passes the run fails with a `StageTimeoutError` that carries the handle; the
   * job is not cancelled and continues costing.
   * @defaultValue 1800000 (30 minutes)
   */
  readonly generateMs?: number | undefined
  /** Publishing; then the run continues without it. @defaultValue 60000 */
  readonly publishMs?: number | undefined
  /** Resolving; then the run continues without it. @defaultValue 120000 */
  readonly resolveMs?: number | undefined
  /** Uploading; then the run continues without it. @defaultValue 900000 (15 minutes) */
  readonly uploadMs?: number | undefined
  /**
   * The whole run. When it passes after the generation, the run completes with the best URL it has.
   * @defaultValue 3600000 (1 hour)
   */
  readonly totalMs?: number | undefined
}

/** Deadlines with every default filled in. */
export type EveryDeadline = Readonly<Record<keyof Deadlines, number>>

const DEADLINES: EveryDeadline = {
  generateMs: 1_800_000,
  publishMs: 60_000,
  resolveMs: 120_000,
  uploadMs: 900_000,
  totalMs: 3_600_000,
}

/** The given deadlines, and the default of each other one. */
export function deadlinesOf(given: Deadlines = {}): EveryDeadline {
  const known = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...DEADLINES, ...Object.fromEntries(known) }
}

/** The rule of the option `deadlines`. */
export const deadlineRule: OptionRule = nested<Deadlines>({
  generateMs: msAbove0,
  publishMs: msAbove0,
  resolveMs: msAbove0,
  uploadMs: msAbove0,
  totalMs: msAbove0,
})
