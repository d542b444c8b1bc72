import { DelayedError, type Job } from 'bullmq'
import { isSoraPipelineError, toErrorJson } from '../contracts/errors.js'
import { RunStateError } from '../contracts/run-errors.js'
import type { PipelineConfig } from '../pipeline/pipeline-config.js'
import type { SoraPipeline } from '../pipeline/sora-pipeline.js'
import { systemClock } from '../timing/system-clock.js'
import { queueFailure, type ReportError } from './queue-errors.js'
import type { RunJob } from './queue-job.js'

// Steps of one run in a row, so that one run does not hold a place for long.
const MOST_STEPS = 12
const PAUSE_MS = 250
// How often a run is checked that another live worker holds.
const HELD_MS = 1_000
// A run that this worker cannot advance may be advanced by another one.
const FOREIGN_MS = 30_000
// A wall clock that was set back must not make a run late for longer.
const MOST_DELAY_MS = 600_000
const FIRST_PAUSE_MS = 250
const MOST_PAUSE_MS = 2_000

/** What the jobs of one worker share. */
export interface JobAdvance {
  readonly pipeline: SoraPipeline
  readonly config: PipelineConfig
  readonly report: ReportError
  /** Whether the worker is closing. */
  readonly isClosing: () => boolean
}

/** The processor of the jobs of a worker: advances a run while it is due, then puts its job back until it is due again. */
export function jobAdvancer(advance: JobAdvance): (job: Job<RunJob>, token?: string) => Promise<void> {
  const pauses = new Pauses()
  return async (job, token) => {
    const { runId } = Object(job.data) as Partial<RunJob>
    if (typeof runId !== 'string') {
      const fix = 'give the runs a queue name of their own'
      advance.report(
        new RunStateError(`Could not advance a job of the queue, it is of another application (${fix}): ${job.name}`),
      )
      return
    }
    const dueInMs = await advanceWhileDue(advance, runId).then(
      (ms) => {
        pauses.reset()
        return ms
      },
      (error: unknown) => afterFailure(advance, { runId, error, pauses }),
    )
    if (dueInMs === undefined) return
    try {
      await job.moveToDelayed(Date.now() + Math.min(dueInMs, MOST_DELAY_MS), token)
    } catch (cause) {
      // The lock of the job expires, and then a worker gets it again.
      advance.report(queueFailure(`put the run back into the queue: ${runId}`, cause))
    }
    throw new DelayedError()
  }
}

// Milliseconds until the run is due again; `undefined` when it has ended.
async function advanceWhileDue(
  { pipeline, config, isClosing }: JobAdvance,
  runId: string,
): Promise<number | undefined> {
  for (let steps = 1; ; steps += 1) {
    const { status, wakeAt, isAttended } = await pipeline.advance(runId)
    if (status !== 'running') return undefined
    const dueInMs = Math.max(0, wakeAt - config.clock.now())
    if (isAttended) return Math.max(dueInMs, HELD_MS)
    if (steps === MOST_STEPS) return Math.max(dueInMs, PAUSE_MS)
    if (dueInMs > 0 || isClosing()) return dueInMs
  }
}

async function afterFailure(
  { config, report, isClosing }: JobAdvance,
  { runId, error, pauses }: { readonly runId: string; readonly error: unknown; readonly pauses: Pauses },
): Promise<number | undefined> {
  // Another process continues at once.
  if (isClosing()) return 0
  if (isSoraPipelineError(error) && !error.isRetryable) {
    const found = await knownIn(config, runId)
    if (found === 'removed') return undefined
    if (found === 'unknown') {
      const fix = 'give stores that differ different queue names'
      report(new RunStateError(`Could not advance the run, the store does not know it: ${runId}; ${fix}`))
      // The workers of the store that has the run add it again.
      return undefined
    }
    report(error)
    return found === 'known' ? FOREIGN_MS : pauses.next()
  }
  report(isSoraPipelineError(error) ? error : new RunStateError(messageOf(runId, error), { cause: error }))
  // It holds its place meanwhile: while the store is down, the queue is not turned over.
  const pauseMs = pauses.next()
  await systemClock.sleep(pauseMs)
  return isClosing() ? 0 : pauseMs * Math.random()
}

async function knownIn({ store }: PipelineConfig, runId: string): Promise<'known' | 'removed' | 'unknown' | 'unclear'> {
  try {
    const loaded = await store.load(runId)
    if (loaded === undefined) return 'unknown'
    return loaded.state.removedAt === undefined ? 'known' : 'removed'
  } catch {
    return 'unclear'
  }
}

function messageOf(runId: string, error: unknown): string {
  return `Could not advance the run: ${runId} (${toErrorJson(error).code})`
}

/** Growing pauses after failures in a row, of all runs of a worker. */
class Pauses {
  #failures = 0

  next(): number {
    this.#failures += 1
    return Math.min(MOST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures - 1, 10))
  }

  reset(): void {
    this.#failures = 0
  }
}
