import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { RunStore } from '../../contracts/run-store.js'
import { jobKey } from '../state/job-key.js'

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
  const { id, ...more } = Object(operation) as { readonly id?: unknown }
  const isBare = Object.keys(more).length === 0
  if (!isBare && (typeof id === 'string' || typeof id === 'number')) await claim(jobKey({ id }))
  return true
}
