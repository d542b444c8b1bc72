import type { PollReading } from 'sora-pipeline'
import { mean, quantile } from '../harness/figures.ts'
import { createRandom, type SimulatedJob, simulatedJob, type World } from './job-worlds.ts'
import { fixedPolling, type JobPolling, ownPolling } from './schedules.ts'

/** Worlds by name, and how many jobs of each. */
export interface Simulation {
  readonly worlds: Readonly<Record<string, World>>
  readonly jobs: number
}

/** How late the end of jobs was seen, and by how many polls. */
export interface LagFigures {
  readonly meanMs: number
  readonly p95Ms: number
  readonly polls: number
}

/** One world, with our schedule and with polls every 5 s. */
export interface ComparedLag {
  readonly ours: LagFigures
  readonly fixed: LagFigures
}

const ROUND_TRIP_MS = 100
const SEED = 42
const MOST_POLLS = 10_000

export async function measure({ worlds, jobs }: Simulation): Promise<Readonly<Record<string, ComparedLag>>> {
  const compare = (world: World): ComparedLag => ({
    ours: play(world, jobs, ownPolling()),
    fixed: play(world, jobs, fixedPolling()),
  })
  return Object.fromEntries(Object.entries(worlds).map(([name, world]) => [name, compare(world)]))
}

function play(world: World, jobs: number, polling: JobPolling): LagFigures {
  const random = createRandom(SEED)
  const lags: number[] = []
  let polls = 0
  for (let job = 0; job < jobs; job += 1) {
    const outcome = playJob(simulatedJob(world, random), polling)
    lags.push(outcome.lagMs)
    polls += outcome.polls
  }
  return { meanMs: mean(lags), p95Ms: quantile(lags, 0.95), polls: polls / jobs }
}

function playJob({ durationMs, ratioAt }: SimulatedJob, polling: JobPolling) {
  const schedule = polling.next()
  const readings: PollReading[] = [{ atMs: 0 }]
  let atMs = 0
  for (let polls = 1; polls < MOST_POLLS; polls += 1) {
    atMs += schedule({ readings, roundTripMs: ROUND_TRIP_MS }) + ROUND_TRIP_MS
    if (atMs >= durationMs) {
      polling.ended(atMs)
      return { polls, lagMs: atMs - durationMs }
    }
    const ratio = ratioAt(atMs)
    readings.push({ atMs, ...(ratio !== undefined && { ratio }) })
  }
  throw new Error(`Could not finish a job, more polls than: ${MOST_POLLS}`)
}
