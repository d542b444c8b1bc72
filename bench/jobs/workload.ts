import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes } from '../harness/resident-bytes.ts'

/** 100 ms here play a second of a real job, so a schedule that polls every 5 s polls every 500 ms. */
export const TIME_SCALE = 10

/** Jobs to be played; the same seed gives the same durations. */
export interface Workload {
  readonly jobs: number
  /** The jobs start evenly within this time. */
  readonly startWithinMs: number
  readonly shortestMs: number
  readonly longestMs: number
}

/** What it took to play a workload. */
export interface Played {
  readonly cpuMs: number
  /** Peak of the resident memory above that before the jobs. */
  readonly growthBytes: number
  /** When the client had the result of each job, as `Date.now()` counts. */
  readonly finishedAt: readonly number[]
}

/** Makes one video: submits a prompt and resolves once its job is known to have ended. */
export type MakeVideo = (prompt: string) => Promise<unknown>

const WARM_UP_JOBS = 40
const SEED = 20_260_101

export async function play(makeVideo: MakeVideo, workload: Workload): Promise<Played> {
  const { jobs, startWithinMs } = workload
  await Promise.all(Array.from({ length: Math.min(WARM_UP_JOBS, jobs) }, () => makeVideo(promptOf(-1, 300))))
  const residentBefore = await residentBytes()
  let mostResident = residentBefore
  const sampling = setInterval(() => {
    mostResident = Math.max(mostResident, process.memoryUsage.rss())
  }, 100)
  const nextDuration = createDurations(workload)
  const finishedAt: number[] = []
  const before = process.cpuUsage()
  await Promise.all(
    Array.from({ length: jobs }, async (_, job) => {
      const prompt = promptOf(job, nextDuration())
      await sleep((job * startWithinMs) / jobs)
      await makeVideo(prompt)
      finishedAt[job] = Date.now()
    }),
  )
  const { user, system } = process.cpuUsage(before)
  clearInterval(sampling)
  return { cpuMs: (user + system) / 1000, growthBytes: mostResident - residentBefore, finishedAt }
}

/** The prompt carries what the fake upstream has to know. */
function promptOf(job: number, durationMs: number): string {
  return `bench job ${job} of ${Math.round(durationMs)} ms`
}

/** Reads a prompt out of the body of a submission, however it is encoded. */
export function readPrompt(body: string): { readonly job: number; readonly durationMs: number } {
  const [, job, durationMs] = /bench job (-?\d+) of (\d+) ms/.exec(body) ?? []
  return { job: Number(job), durationMs: Number(durationMs) }
}

/** Log-uniform, the same in every run. */
function createDurations({ shortestMs, longestMs }: Workload): () => number {
  let state = SEED
  return () => {
    // A linear congruential generator with the constants of Numerical Recipes.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return shortestMs * (longestMs / shortestMs) ** (state / 2 ** 32)
  }
}
