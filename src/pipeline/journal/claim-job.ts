import type { GenerationHandle } from '../../contracts/generation-handle.js'
import type { RunStore } from '../../contracts/run-store.js'

/** Makes a run the claimant of a job at its upstream. `false` when another run claims it. Whatever the store throws. */
export function claimJob(
  store: RunStore,
  { generator, operation }: Pick<GenerationHandle, 'generator' | 'operation'>,
  runId: string,
): Promise<boolean> {
  return store.claim(`job:${generator}`, JSON.stringify(operation), runId)
}
