import type { RunStore, SoraPipeline } from 'sora-pipeline'
import type { ManualClock } from 'sora-pipeline/testing'
import type { Provider } from './provider.ts'
import type { Random } from './random.ts'

const ROUNDS = 20
const LATEST_ACCEPTANCE_MS = 5000

/** The information of a person. */
export interface Desk {
  readonly world: ManualClock
  readonly random: Random
  readonly store: RunStore
  readonly providers: readonly Provider[]
  readonly pipeline: SoraPipeline
  readonly trace: (line: string) => void
}

/**
 * Does what a person does with a run that waits for one, or that failed: checks the upstreams, and reports what is there. Resolves
 * to the id under which the run has its video, or has none for want of a job.
 */
export async function lookAfter(run: string, desk: Desk): Promise<string> {
  const { world, random, store, providers, pipeline, trace } = desk
  for (let round = 0; round < ROUNDS; round += 1) {
    await world.sleep(LATEST_ACCEPTANCE_MS)
    const state = (await store.load(run))?.state
    const has = providers.flatMap(({ name, jobs }) => [...jobs.values()].map((job) => ({ name, job })))
    const found = has.find(({ job }) => job.run === run)
    if (state?.status === 'completed' || (state?.status === 'failed' && found === undefined)) return run
    const verdict = found ? { operation: found.job.id, generator: found.name } : ('not-submitted' as const)
    if (found && state?.status === 'needs-review' && random.chance(0.5)) {
      trace(`a person adopts ${found.job.id} of ${run}`)
      const handle = { generator: found.name, operation: found.job.id, startedAt: world.now() }
      // A job that its own run claimed, and could not save, is that run's to be settled.
      const adopted = await pipeline.adopt(handle, { id: `adopted_${run}` }).catch(() => undefined)
      await adopted?.result.catch(() => undefined)
      if (adopted) return adopted.id
    }
    trace(`a person settles ${run}: ${JSON.stringify(verdict)}`)
    const settled = await pipeline.settle(run, verdict)
    await settled.result.catch(() => undefined)
  }
  return run
}
