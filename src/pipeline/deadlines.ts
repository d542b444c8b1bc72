import type { OptionRule } from '../contracts/check-options.js'
import { msAbove0, nested } from '../contracts/option-rules.js'

/** Time limits, in milliseconds above 0; `Infinity` for no limit. Each has its own default. */
export interface Deadlines {
  /**
   * Time from the first submission to the video, in milliseconds above 0; `Infinity` for no limit. After it the job is polled
   * once more, and then the run fails with a `StageTimeoutError` that carries the handle. The job is not cancelled and continues
   * to cost money.
   * @defaultValue `1_800_000` (30 minutes)
   */
  readonly generateMs?: number | undefined
  /**
   * Time to publish, in milliseconds above 0; `Infinity` for no limit. After it the run continues without a post, and is
   * degraded.
   * @defaultValue `60_000` (1 minute)
   */
  readonly publishMs?: number | undefined
  /**
   * Time to resolve a URL, in milliseconds above 0; `Infinity` for no limit. After it the run continues without the resolver, and
   * is degraded.
   * @defaultValue `120_000` (2 minutes)
   */
  readonly resolveMs?: number | undefined
  /**
   * Time to upload, in milliseconds above 0; `Infinity` for no limit. After it the run completes without the copy, and is
   * degraded.
   * @defaultValue `900_000` (15 minutes)
   */
  readonly uploadMs?: number | undefined
  /**
   * Time of the whole run, in milliseconds above 0; `Infinity` for no limit. After it the run completes with the best URL it has;
   * without a video it fails as after `generateMs`.
   * @defaultValue `3_600_000` (1 hour)
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

/** The given deadlines, with the defaults of the others. */
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
