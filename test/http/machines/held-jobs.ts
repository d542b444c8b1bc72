import type { TaskGenerator } from 'sora-pipeline'

/** A generator whose jobs run until `finish`; each poll reports progress. */
export function heldJobs(): TaskGenerator & { finish(): void } {
  let jobs = 0
  let polls = 0
  let isFinished = false
  return {
    name: 'held',
    start: async () => {
      jobs += 1
      return { operation: { id: `job_${jobs}` } }
    },
    poll: async () => {
      polls += 1
      if (isFinished) return { state: 'completed', video: { id: 'v', url: 'https://cdn.example/a.mp4' } }
      return { state: 'running', ratio: Math.min(0.99, polls / 1e6), phase: `step ${polls}` }
    },
    finish: () => {
      isFinished = true
    },
  }
}
