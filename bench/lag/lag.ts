import type { Benchmark, Row } from '../harness/benchmark.ts'
import { measureInChild } from '../harness/child-process.ts'
import { short, times } from '../harness/figures.ts'
import type { World } from './job-worlds.ts'
import type { ComparedLag, Simulation } from './simulate.ts'

/** A world, what has to hold in it, in seconds, and polls against those of every 5 s. */
interface Goal {
  readonly world: World
  readonly mostMean?: number
  readonly mostP95?: number
  readonly mostPolls: number
}

const steady = { sigma: 0.6, progress: 'steady' } as const
const jumps = { sigma: 0.6, progress: 'jumps' } as const

const GOALS: Readonly<Record<string, Goal>> = {
  '3. steady progress, median 60 s': {
    world: { medianMs: 60_000, ...steady },
    mostMean: 0.5,
    mostP95: 0.8,
    mostPolls: 0.7,
  },
  '3. steady progress, median 240 s': {
    world: { medianMs: 240_000, ...steady },
    mostMean: 0.5,
    mostP95: 0.8,
    mostPolls: 0.7,
  },
  '3. progress in jumps, median 60 s': { world: { medianMs: 60_000, ...jumps }, mostP95: 1.7, mostPolls: 0.7 },
  '3. progress in jumps, median 240 s': { world: { medianMs: 240_000, ...jumps }, mostP95: 1.7, mostPolls: 0.7 },
  '3. no progress, durations of all kinds': {
    world: { medianMs: 60_000, sigma: 0.6, progress: 'none' },
    // As late as every 5 s.
    mostP95: 5,
    mostPolls: 1.1,
  },
  '3b. no progress, jobs of one kind (sigma 0.25)': {
    world: { medianMs: 60_000, sigma: 0.25, progress: 'none' },
    mostMean: 1.4,
    mostPolls: 0.9,
  },
}

/** How late the end of a job is seen by the default schedule, in a simulation without requests. */
export const lag: Benchmark = {
  name: 'lag',
  async run({ isTiny }) {
    const worlds = Object.fromEntries(Object.entries(GOALS).map(([name, { world }]) => [name, world]))
    const simulation: Simulation = { worlds, jobs: isTiny ? 20 : 4000 }
    type Compared = Readonly<Record<string, ComparedLag>>
    const results = await measureInChild<Compared>(new URL('simulate.ts', import.meta.url), simulation)
    return Object.entries(GOALS).flatMap(([name, goal]) => {
      const compared = results[name]
      return compared === undefined ? [] : [row(name, goal, compared)]
    })
  },
}

function row(what: string, { mostMean, mostP95, mostPolls }: Goal, { ours, fixed }: ComparedLag): Row {
  const text = ({ meanMs, p95Ms }: ComparedLag['ours']) =>
    `mean ${short(meanMs / 1000)} s, p95 ${short(p95Ms / 1000)} s`
  const polls = ours.polls / fixed.polls
  const limits = [
    ...(mostMean === undefined ? [] : [`mean ${mostMean} s`]),
    ...(mostP95 === undefined ? [] : [`p95 ${mostP95} s`]),
    `${mostPolls}x polls`,
  ]
  const isSoon = ours.meanMs / 1000 <= (mostMean ?? Infinity) && ours.p95Ms / 1000 <= (mostP95 ?? Infinity)
  return {
    what,
    ours: `${text(ours)}, ${times(polls)} polls`,
    goal: `<= ${limits.join(', ')}`,
    isMet: isSoon && polls <= mostPolls,
    peers: { 'every 5 s': text(fixed) },
  }
}
