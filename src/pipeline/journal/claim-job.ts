import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { RunStore } from '../../contracts/run-store.js'
import { jobKey } from '../state/job-key.js'

/**
 * Makes a run the claimant of a job at its upstream. `false` when another run claims it. The id of the job is claimed as well, for a
 * lookup may know no more of it than that. Whatever the store throws.
 */
export async function claimJob(
  store: RunStore,
  { generator, operation }: Pick<GenerationHandle, 'generator' | 'operation'>,
  runId: string,
): Promise<boolean> {
  const claim = (key: string) => store.claim(`job:${generator}`, key, runId)
  if (!(await claim(jobKey(operation)))) return false
  // As version 0.1.0 wrote it.
  const former = JSON.stringify(operation)
  if (former !== jobKey(operation) && !(await claim(former))) return false
  const { id, ...more } = Object(operation) as { readonly id?: unknown }
  const isBare = Object.keys(more).length === 0
  if (!isBare && (typeof id === 'string' || typeof id === 'number')) await claim(jobKey({ id }))
  return true
}
