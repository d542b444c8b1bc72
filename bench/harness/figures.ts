/** The value in the middle; of an even number of values, the upper one. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value below which the given share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The median of the ratios of two series that were measured in turns. */
export function medianRatio(values: readonly number[], references: readonly number[]): number {
  return median(values.map((value, round) => value / (references[round] ?? Number.NaN)))
}

/** With three digits at most, such as `0.03`, `4.7` and `120`. */
export function short(value: number): string {
  return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)
}

export function times(ratio: number): string {
  return `${short(ratio)}x`
}

/** A figure of each peer, as text. */
export function textOf<Figure>(
  figures: ReadonlyMap<string, Figure | undefined>,
  text: (figure: Figure) => string,
): Record<string, string> {
  return Object.fromEntries(
    [...figures].map(([name, figure]) => [name, figure === undefined ? 'failed' : text(figure)]),
  )
}
