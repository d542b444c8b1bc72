import { isRecord } from '../../../upstream/is-record.js'

/**
 * The progress of a job as a ratio of 0 to 1, from a number of 0 to 100, a text of such a number, or `45%`. A
 * fraction below 1 is already a ratio, because a percentage stays below 1 only for a moment. Values out of range are
 * clamped. Steps count as well: `12/20`, `{ value, max }` and similar forms. Anything else is ignored; progress is
 * never invented.
 */
export function progressRatio(value: unknown): number | undefined {
  if (isRecord(value)) return ratioOfSteps(value)
  const steps = typeof value === 'string' ? /^\s*(\d{1,9})\s*\/\s*(\d{1,9})\s*$/.exec(value) : null
  if (steps) return partOf(Number(steps[1]), Number(steps[2]))
  const percent = typeof value === 'string' ? numberIn(value) : value
  if (typeof percent !== 'number' || !Number.isFinite(percent)) return undefined
  const isRatio = percent > 0 && percent < 1 && !(typeof value === 'string' && value.includes('%'))
  return isRatio ? percent : Math.min(Math.max(percent / 100, 0), 1)
}

// As in ComfyUI, which counts the steps of a sampler.
const STEPS = [
  ['value', 'max'],
  ['current', 'total'],
  ['current_step', 'total_steps'],
  ['step', 'steps'],
  ['completed', 'total'],
] as const

function ratioOfSteps(progress: Readonly<Record<string, unknown>>): number | undefined {
  const percent = ['percent', 'percentage', 'progress_percent'].map((name) => progressRatio(progress[name]))
  const known = percent.find((ratio) => ratio !== undefined)
  const steps = STEPS.map(([part, whole]) => partOf(progress[part], progress[whole]))
  return known ?? steps.find((ratio) => ratio !== undefined)
}

function partOf(part: unknown, whole: unknown): number | undefined {
  if (typeof part !== 'number' || typeof whole !== 'number' || !(whole > 0) || !(part >= 0)) return undefined
  return Math.min(part / whole, 1)
}

function numberIn(text: string): number | undefined {
  const match = /^\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*%?\s*$/.exec(text)
  return match?.[1] === undefined ? undefined : Number(match[1])
}
