import type { Benchmark, Row } from '../harness/benchmark.ts'
import { measureInChild } from '../harness/child-process.ts'
import { short, times } from '../harness/figures.ts'
import type { ComparedLag, Kind, Simulation } from './simulate.ts'

/** A kind of jobs, what has to hold for it, in seconds, and polls against those of every 5 s. */
interface Goal {
  readonly kind: Kind
  readonly mostMean?: number
  readonly mostP95?: number
  readonly mostPolls: number
}

const steady = { world: 'whole percent', spread: 0.6 } as const
const jumps = { world: 'steps of 1 to 3 %', spread: 0.6 } as const
const still = { world: 'no progress', medianSeconds: 60 } as const

const GOALS: Readonly<Record<string, Goal>> = {
  '3. steady progress, median 60 s': {
    kind: { ...steady, medianSeconds: 60 },
    mostMean: 0.5,
    mostP95: 0.8,
    mostPolls: 0.7,
  },
  '3. steady progress, median 240 s': {
    kind: { ...steady, medianSeconds: 240 },
    mostMean: 0.5,
    mostP95: 0.8,
    mostPolls: 0.7,
  },
  '3. progress in jumps, median 60 s': { kind: { ...jumps, medianSeconds: 60 }, mostP95: 1.7, mostPolls: 0.7 },
  '3. progress in jumps, median 240 s': { kind: { ...jumps, medianSeconds: 240 }, mostP95: 1.7, mostPolls: 0.7 },
  // As late as every 5 s.
  '3. no progress, durations of all kinds': { kind: { ...still, spread: 0.6 }, mostP95: 5, mostPolls: 1.1 },
  '3b. no progress, jobs of one kind (sigma 0.25)': {
    kind: { ...still, spread: 0.25 },
    mostMean: 1.4,
    mostPolls: 0.9,
  },
}

/** How late the end of a job is seen by the default schedule, in a simulation without requests. */
export const lag: Benchmark = {
  name: 'lag',
  async run({ isTiny }) {
    const kinds = Object.fromEntries(Object.entries(GOALS).map(([name, { kind }]) => [name, kind]))
    const simulation: Simulation = { kinds, count: isTiny ? 20 : 20_000 }
    type Compared = Readonly<Record<string, ComparedLag>>
    const results = await measureInChild<Compared>(new URL('simulate.ts', import.meta.url), simulation)
    return Object.entries(GOALS).flatMap(([name, goal]) => {
      const compared = results[name]
      return compared === undefined ? [] : [row(name, goal, compared)]
    })
  },
}

function row(what: string, { mostMean, mostP95, mostPolls }: Goal, { ours, fixed }: ComparedLag): Row {
  const text = ({ meanLag, p95Lag }: ComparedLag['ours']) => `mean ${short(meanLag)} s, p95 ${short(p95Lag)} s`
  const polls = ours.polls / fixed.polls
  const limits = [
    ...(mostMean === undefined ? [] : [`mean ${mostMean} s`]),
    ...(mostP95 === undefined ? [] : [`p95 ${mostP95} s`]),
    `${mostPolls}x polls`,
  ]
  const isSoon = ours.meanLag <= (mostMean ?? Infinity) && ours.p95Lag <= (mostP95 ?? Infinity)
  return {
    what,
    ours: `${text(ours)}, ${times(polls)} polls`,
    goal: `<= ${limits.join(', ')}`,
    isMet: isSoon && polls <= mostPolls,
    peers: { 'every 5 s': text(fixed) },
  }
}
