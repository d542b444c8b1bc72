import type { PipelineRun } from '../../pipeline/pipeline-run.js'
import { HttpRefusal } from '../http-refusal.js'

/** Limits the unfinished runs of an owner that were started through a handler. */
export interface RunPlaces {
  /**
   * Starts a run that occupies a place until it ends; an id that already has a place needs no other.
   * @throws HttpRefusal 429 when the owner has no place left; nothing is started then. An error of `start` frees the
   * place and is rethrown.
   */
  begin(run: { readonly owner: string; readonly id: string }, start: () => Promise<PipelineRun>): Promise<PipelineRun>
}

// Runs take minutes, so one is likely to end within this time.
const RETRY_AFTER_SECONDS = 10

/** Counts in memory, for one handler. */
export function runPlaces(maxRunsPerOwner: number): RunPlaces {
  const taken = new Map<string, Set<string>>()

  const release = (owner: string, id: string) => {
    const ids = taken.get(owner)
    ids?.delete(id)
    if (ids?.size === 0) taken.delete(owner)
  }

  return {
    async begin({ owner, id }, start) {
      const ids = taken.get(owner) ?? new Set()
      if (!ids.has(id) && ids.size >= maxRunsPerOwner) throw tooManyRuns(ids.size)
      taken.set(owner, ids.add(id))
      try {
        const run = await start()
        const end = () => release(owner, id)
        run.result.then(end, end)
        return run
      } catch (error) {
        release(owner, id)
        throw error
      }
    },
  }
}

/** The answer to an owner without a free place. */
export function tooManyRuns(count: number): HttpRefusal {
  return new HttpRefusal({
    status: 429,
    code: 'too_many_runs',
    message: `Could not begin the video: ${count} of yours are unfinished, which is the limit; wait for one, or delete it`,
    headers: { 'retry-after': String(RETRY_AFTER_SECONDS) },
  })
}
