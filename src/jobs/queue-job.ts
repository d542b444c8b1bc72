import type { JobsOptions } from 'bullmq'

/** A job of the queue: the id of a run, and nothing else. */
export interface RunJob {
  readonly runId: string
}

/** A job as BullMQ adds it. */
export interface AddedJob {
  readonly name: string
  readonly data: RunJob
  readonly opts: JobsOptions
}

/**
 * The id of the job of a run: a run has at most one. BullMQ refuses `:` and whole numbers as ids, and some servers refuse other
 * characters that an id of a caller may have.
 */
export function jobIdOf(runId: string): string {
  const isText = runId.isWellFormed()
  return `${isText ? 'r' : 'u'}-${Buffer.from(runId, isText ? 'utf8' : 'utf16le').toString('base64url')}`
}

/** The job of a run. It leaves nothing behind, so that the run can be added again. */
export function jobOfRun(runId: string): AddedJob {
  const opts = { jobId: jobIdOf(runId), attempts: 1, removeOnComplete: true, removeOnFail: true }
  return { name: 'advance', data: { runId }, opts }
}
