import { paceSchedule } from 'sora-pipeline'
// Not part of the package.
import { learnedDurations } from '../../src/timing/learned-durations.ts'
import {
  everyFiveSeconds,
  JUMPS,
  OTHERS,
  type Outcome,
  play,
  STEADY,
  type World,
} from '../../test/timing/simulated-jobs.ts'

const WORLDS: Readonly<Record<string, World>> = { ...STEADY, ...JUMPS, ...OTHERS }

/** Jobs of one kind: their durations are log-normal, from a third to three times the median. */
export interface Kind {
  readonly world: string
  readonly medianSeconds: number
  /** Spread of the logarithm of the durations. */
  readonly spread: number
}

/** Kinds of jobs by name, and how many jobs of each. */
export interface Simulation {
  readonly kinds: Readonly<Record<string, Kind>>
  readonly count: number
}

/** One kind, with the default schedule and with polls every 5 s. */
export interface ComparedLag {
  readonly ours: Outcome
  readonly fixed: Outcome
}

export async function measure({ kinds, count }: Simulation): Promise<Readonly<Record<string, ComparedLag>>> {
  return Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, compared(kind, count)]))
}

function compared({ world, medianSeconds, spread }: Kind, count: number): ComparedLag {
  const jobWorld = WORLDS[world]
  if (jobWorld === undefined) throw new Error(`Could not simulate the jobs, unknown world: ${world}`)
  const range = [medianSeconds / 3, 3 * medianSeconds] as const
  const jobs = { world: jobWorld, medianSeconds, spread, range, count, seed: 42 }
  const durations = learnedDurations()
  const ours = play(paceSchedule(), {
    ...jobs,
    usual: () => durations.usual(world),
    learn: (durationMs) => durations.learn(world, durationMs),
  })
  return { ours, fixed: play(everyFiveSeconds, jobs) }
}
