import type { GenerationHandle } from '../../contracts/generation-handle.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { jobKey } from '../state/job-key.js'
import type { RunState } from '../state/run-state.js'
import { toStoredRun } from '../state/stored-run.js'
import { handleOf } from '../state/submission.js'
import { answerOf, isAnswer, loadRun, type StoredState } from './store-calls.js'

const PAGE = 100
// With more runs, the one that has the job is settled instead.
const MOST_RUNS = 2000
// How long a run that adopts a job may take to be created: several store operations.
const CREATION_MS = 60_000

/**
 * The run that has adopted the job of another one, or is about to; `undefined` if there is none, also when the adopting process
 * exited before it had created its run.
 */
export async function adopterOf(
  { store, clock }: PipelineConfig,
  { adoptedBy }: RunState,
): Promise<string | undefined> {
  if (adoptedBy === undefined) return undefined
  const { id, at } = adoptedBy
  return at + CREATION_MS > clock.now() || (await loadRun(store, id)) !== undefined ? id : undefined
}

/**
 * The other runs that have a job, among the newest 2,000 of a store with a list.
 * @throws RunStateError when the store is down.
 */
export async function runsWithJob(
  { store }: PipelineConfig,
  handle: GenerationHandle,
  ownId: string,
): Promise<readonly StoredState[]> {
  const list = store.list?.bind(store)
  const runs: StoredState[] = []
  let after: string | undefined
  for (let read = 0; list !== undefined && read < MOST_RUNS; read += PAGE) {
    const from = after
    const query = { order: 'newest-first', after: from, limit: PAGE, withRemoved: true } as const
    const page = await answerOf(() => list(query), 'Could not adopt the job, the store is down')
    for (const id of page) {
      const loaded = id === ownId ? undefined : await readable(store, id)
      if (loaded !== undefined && hasJob(loaded.state, handle)) runs.push(loaded)
    }
    after = page.at(-1)
    if (page.length < PAGE) break
  }
  return runs
}

/**
 * Hands a job over from the ended runs that have it: none of them can be settled any more, and each names the run that adopts it.
 * @throws RunStateError when one of them is not over, has the video, was adopted by a run that still exists, or has another owner.
 */
export async function handOver(
  config: PipelineConfig,
  runs: readonly StoredState[],
  {
    id: adopter,
    handle,
    owner,
  }: { readonly id: string; readonly handle: GenerationHandle; readonly owner: string | undefined },
): Promise<void> {
  const refuse = (why: string, id: string) => {
    throw new RunStateError(`Could not adopt the job, ${why}: ${id}`, { handle })
  }
  const present = new Set(runs.map(({ state }) => state.id))
  const free: StoredState[] = []
  for (const run of runs) {
    const { id, status, owner: former } = run.state
    if (status === 'running') refuse('a run that is not over has it', id)
    if (status === 'completed') refuse('a run has its video', id)
    if (owner !== undefined && former !== owner) refuse('a run of another owner has it', id)
    const other = await adopterOf(config, run.state)
    // That run is among these as well, unless it works on another job by now.
    if (other === undefined || other === adopter) free.push(run)
    else if (!present.has(other)) refuse('another run has adopted it', other)
  }
  for (const { state, version } of free) {
    const marked: RunState = { ...state, adoptedBy: { id: adopter, at: config.clock.now() } }
    const save = () => config.store.save(state.id, version, toStoredRun(marked))
    await answerOf(save, `Could not adopt the job, the store is down: ${adopter}`)
  }
}

function hasJob({ submission, upstream }: RunState, { generator, operation }: GenerationHandle): boolean {
  const handle = handleOf(submission) ?? upstream?.handle
  return handle?.generator === generator && jobKey(handle.operation) === jobKey(operation)
}

async function readable(store: PipelineConfig['store'], id: string): Promise<StoredState | undefined> {
  try {
    return await loadRun(store, id)
  } catch (error) {
    if (isAnswer(error)) return undefined // A state that cannot be read holds no job that this version knows.
    throw error
  }
}
