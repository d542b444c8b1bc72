/** A seeded source of numbers from 0 to 1. */
export type Random = () => number

/** A job of a simulation: how long it takes, and what its upstream reports at a time, 0 to 1 or nothing. */
export interface SimulatedJob {
  readonly durationMs: number
  ratioAt(elapsedMs: number): number | undefined
}

/** How jobs behave, and how many of them are played in what order. */
export interface World {
  readonly medianMs: number
  /** Spread of the logarithm of the durations. */
  readonly sigma: number
  readonly progress: 'steady' | 'jumps' | 'none'
}

export function createRandom(seed: number): Random {
  let state = seed
  return () => {
    // mulberry32: pairs of its numbers are independent enough to make normal ones of them.
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 2 ** 32
  }
}

export function simulatedJob({ medianMs, sigma, progress }: World, random: Random): SimulatedJob {
  const durationMs = randomDuration(medianMs, sigma, random)
  if (progress === 'none') return { durationMs, ratioAt: () => undefined }
  const reported = progress === 'jumps' ? jumps(random) : undefined
  return {
    durationMs,
    ratioAt(elapsedMs) {
      const percent = Math.min(99, Math.floor((elapsedMs / durationMs) * 100))
      return (reported?.[percent] ?? percent) / 100
    },
  }
}

/** Lognormal; at a median of 60 s from 20 to 180 s, and in the same proportion at others. */
function randomDuration(medianMs: number, sigma: number, random: Random): number {
  for (;;) {
    const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random())
    const durationMs = medianMs * Math.exp(sigma * normal)
    if (durationMs >= medianMs / 3 && durationMs <= 3 * medianMs) return durationMs
  }
}

/** The percentage that is reported at each true one: it stays for a while, and then jumps by 1 to 3 points. */
function jumps(random: Random): readonly number[] {
  const reported: number[] = []
  for (let percent = 0; percent < 100; ) {
    const next = percent + 1 + Math.floor(random() * 3)
    while (reported.length < Math.min(100, next)) reported.push(percent)
    percent = next
  }
  return reported
}
