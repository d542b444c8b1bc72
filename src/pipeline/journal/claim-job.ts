import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { RunStore } from '../../contracts/run-store.js'
import { idKey, jobKey } from '../state/job-key.js'

/**
 * Makes a run the claimant of a job at its upstream. Resolves to `false` when another run has claimed it. The id of the job is
 * claimed as well, because a lookup may return only the id. Rejects with the error of the store.
 */
export async function claimJob(
  store: RunStore,
  { generator, operation }: Pick<GenerationHandle, 'generator' | 'operation'>,
  runId: string,
): Promise<boolean> {
  const claim = (key: string) => store.claim(`job:${generator}`, key, runId)
  if (!(await claim(jobKey(operation)))) return false
  // The key of version 0.1.0.
  const former = JSON.stringify(operation)
  if (former !== jobKey(operation) && !(await claim(former))) return false
  const byId = idKey(operation)
  // Only a lookup takes a job by its id: the operations of a generator of one's own may have an id in common.
  if (byId !== undefined && byId !== jobKey(operation)) await claim(byId)
  return true
}

/**
 * As `claimJob`, for a job that a lookup or a person found. What they know of it beside its id may differ from what the run knows to
 * which it was accepted.
 */
export async function claimFoundJob(
  store: RunStore,
  job: Pick<GenerationHandle, 'generator' | 'operation'>,
  runId: string,
): Promise<boolean> {
  const byId = idKey(job.operation)
  if (byId !== undefined && !(await store.claim(`job:${job.generator}`, byId, runId))) return false
  return claimJob(store, job, runId)
}
