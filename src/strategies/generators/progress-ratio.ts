/**
 * The progress of a job as a ratio of 0 to 1, from a number of 0 to 100, a text of such a number, or `45%`. What is beyond
 * the ends is clamped; anything else is no progress, for none is ever invented.
 */
export function progressRatio(value: unknown): number | undefined {
  const percent = typeof value === 'string' ? numberIn(value) : value
  if (typeof percent !== 'number' || !Number.isFinite(percent)) return undefined
  return Math.min(Math.max(percent / 100, 0), 1)
}

function numberIn(text: string): number | undefined {
  const match = /^\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*%?\s*$/.exec(text)
  return match?.[1] === undefined ? undefined : Number(match[1])
}
