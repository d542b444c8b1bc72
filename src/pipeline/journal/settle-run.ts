import { generatorRoutesOf, isPlaceIn } from '../../calling/generator-routes.js'
import type { Generator } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import { RunStateError } from '../../contracts/run-errors.js'
import type { PipelineConfig } from '../options.js'
import type { RunState } from '../state/run-state.js'
import { toStoredRun } from '../state/stored-run.js'
import { type Submission, settledAsAbsent, settledAsFound } from '../state/submission.js'
import { answerOf, loadRun } from './store-calls.js'

/** What a person found out about a submission. */
export type ReviewVerdict = 'not-submitted' | { readonly operation: JsonValue }

/**
 * Lets a run in review continue.
 * @throws RunStateError when the store does not know the run or is down, or the run is not in review.
 */
export async function settleRun(config: PipelineConfig, id: string, verdict: ReviewVerdict): Promise<void> {
  const { store, clock } = config
  const loaded = await loadRun(store, id)
  if (loaded === undefined) throw new RunStateError(`Could not settle the run, the store does not know it: ${id}`)
  const { state } = loaded
  const { submission, status } = state
  if (status !== 'needs-review' || submission === undefined) {
    throw new RunStateError(`Could not settle the run, it is not in review but ${status}: ${id}`)
  }
  const { error: _error, endedAt: _endedAt, isAborted: _isAborted, upstream: _upstream, ...open } = state
  const now = clock.now()
  const settled: RunState = {
    ...open,
    status: 'running',
    wakeAt: now,
    // The person took their time: the deadlines begin again.
    stepStartedAt: now,
    ...(Number.isFinite(config.deadlines.totalMs) && { deadlineAt: now + config.deadlines.totalMs }),
    submission: verdict === 'not-submitted' ? settledAsAbsent(submission) : found(config, { id, submission }, verdict),
  }
  const save = () => store.save(id, loaded.version, toStoredRun(settled))
  await answerOf(save, `Could not settle the run, the store is down: ${id}`)
}

function found(
  config: PipelineConfig,
  { id, submission }: Pick<RunState, 'id'> & { readonly submission: Submission },
  { operation }: Exclude<ReviewVerdict, 'not-submitted'>,
): Submission {
  const routes = generatorRoutesOf(config.generator)
  // In a chain that has changed, a job can be of a generator only when there is one.
  const [only, ...others] = routes.generators
  const isPlaced = isPlaceIn(routes, submission.cursor)
  if (!isPlaced && others.length > 0) {
    throw new RunStateError(
      `Could not settle the run with a job, the chain changed; settle it with the former chain: ${id}`,
    )
  }
  const cursor = isPlaced ? submission.cursor : routes.first()
  const { name } = isPlaced ? routes.at(cursor).generator : (only as Generator)
  return settledAsFound({ ...submission, cursor }, { generator: name, operation, startedAt: config.clock.now() })
}
