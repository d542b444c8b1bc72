import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { number } from '../contracts/option-rules.js'
import type { PollSchedule } from '../contracts/poll-schedule.js'
import { pacedBy } from './paced-polls.js'

/** Options of {@link paceSchedule}, all in milliseconds and above 0. */
export interface PaceScheduleOptions {
  /**
   * Time from the submission to the first poll, in milliseconds above 0 (finite). A job that reports 90 % or more on submission
   * is polled sooner.
   * @defaultValue `3_000`
   */
  readonly firstMs?: number | undefined
  /**
   * Target delay between the end of a job and the poll that sees it, in milliseconds above 0 (finite). A smaller value costs more
   * polls near the end.
   * @defaultValue `700`
   */
  readonly floorMs?: number | undefined
  /**
   * Longest interval between two polls while progress moves, in milliseconds above 0 (finite). It bounds how late a failure is
   * seen. Without progress, while a job is far from its usual duration, the interval is up to three times as long.
   * @defaultValue `10_000`
   */
  readonly ceilMs?: number | undefined
  /**
   * Longest interval between two polls while nothing moves, in milliseconds above 0 (finite). It bounds how late the end of a job
   * without progress is seen.
   * @defaultValue `5_000`
   */
  readonly blindMs?: number | undefined
}

const aGap = number((value) => value > 0 && Number.isFinite(value), 'give milliseconds above 0')
const RULES: OptionRules<PaceScheduleOptions> = { firstMs: aGap, floorMs: aGap, ceilMs: aGap, blindMs: aGap }

/**
 * Creates the default poll schedule of a pipeline. It aims at the expected end while progress moves, backs off when nothing
 * moves, and keeps its intervals within the bounds. With steady progress it finds the end of a job within 0.8 s, with 0.7 of the
 * requests of polling every 5 s. Without progress it aims by the usual duration of such jobs, if it is known.
 *
 * @example
 * ```ts
 * import { paceSchedule } from 'sora-pipeline'
 *
 * const schedule = paceSchedule({ firstMs: 1000 })
 * console.log(schedule({ readings: [{ atMs: 0 }], roundTripMs: 0 })) // 1000
 * ```
 * @throws ConfigurationError when a time is not a positive number.
 */
export function paceSchedule(options: PaceScheduleOptions = {}): PollSchedule {
  checkOptions('paceSchedule', options, RULES)
  return pacedBy(options)
}
