import * as z from 'zod/mini'
import { generatorRoutesOf } from '../../calling/generator-routes.js'
import { describeValue } from '../../contracts/errors.js'
import type { Generator } from '../../contracts/generator.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import type { JsonValue } from '../../contracts/json.js'
import { RunStateError } from '../../contracts/run-errors.js'
import { boundGenerator } from '../generate/submission-place.js'
import type { PipelineConfig } from '../options.js'
import type { RunState } from '../state/run-state.js'
import { toStoredRun } from '../state/stored-run.js'
import { handleOf, newHandle, type Submission, settledAsAbsent, settledAsFound } from '../state/submission.js'
import { claimJob } from './claim-job.js'
import { answerOf, loadRun } from './store-calls.js'

/** What a person found out about a submission. */
export type ReviewVerdict =
  | 'not-submitted'
  | {
      /** The job that was found, in the generator's own form. */
      readonly operation: JsonValue
      /**
       * Name of the generator that has the job.
       * @defaultValue the one that the submission went to
       */
      readonly generator?: string | undefined
    }

/**
 * Lets a run continue that only a person can: one in review, one that failed although it has a job, or one whose generator is not in
 * the chain any more.
 * @throws InvalidRequestError when the verdict is not one. RunStateError when the store does not know the run or is down, the run
 * does not need a person, no generator of the chain fits the job, or another run has claimed it.
 */
export async function settleRun(config: PipelineConfig, id: string, verdict: ReviewVerdict): Promise<void> {
  checkVerdict(verdict)
  const { store, clock } = config
  const loaded = await loadRun(store, id)
  if (loaded === undefined) throw new RunStateError(`Could not settle the run, the store does not know it: ${id}`)
  const { state } = loaded
  const { submission } = state
  if (submission === undefined || !needsPerson(config, state, verdict)) {
    throw new RunStateError(`Could not settle the run, it is not in review but ${state.status}: ${id}`)
  }
  const settledSubmission =
    verdict === 'not-submitted' ? settledAsAbsent(submission) : found(config, state, submission, verdict)
  const handle = handleOf(settledSubmission)
  if (
    handle &&
    !(await answerOf(() => claimJob(store, handle, id), `Could not claim the job, the store is down: ${id}`))
  ) {
    throw new RunStateError(`Could not settle the run, another run has claimed the job: ${id}`)
  }
  const {
    error: _error,
    endedAt: _endedAt,
    isAborted: _isAborted,
    worker: _worker,
    upstream: _upstream,
    ...open
  } = state
  const now = clock.now()
  const settled: RunState = {
    ...open,
    status: 'running',
    wakeAt: now,
    // The person took their time: the deadlines begin again.
    stepStartedAt: now,
    ...(Number.isFinite(config.deadlines.totalMs) && { deadlineAt: now + config.deadlines.totalMs }),
    submission: settledSubmission,
  }
  const save = () => store.save(id, loaded.version, toStoredRun(settled))
  await answerOf(save, `Could not settle the run, the store is down: ${id}`)
}

function checkVerdict(verdict: unknown): asserts verdict is ReviewVerdict {
  if (verdict === 'not-submitted') return
  const { operation, generator } = Object(verdict) as { readonly operation?: unknown; readonly generator?: unknown }
  const isName = generator === undefined || typeof generator === 'string'
  if (typeof verdict === 'object' && verdict !== null && z.json().safeParse(operation).success && isName) return
  const fix =
    "give 'not-submitted' or { operation }, with operation as the generator has it, such as { id: 'video_123' }"
  throw new InvalidRequestError([{ field: 'verdict', value: describeValue(verdict), fix }])
}

function needsPerson(config: PipelineConfig, { status, submission, video }: RunState, verdict: ReviewVerdict): boolean {
  if (status === 'needs-review') return true
  if (status === 'failed')
    return verdict !== 'not-submitted' && video === undefined && handleOf(submission) !== undefined
  const isForeign = submission && boundGenerator(generatorRoutesOf(config.generator), submission) === undefined
  return status === 'running' && isForeign === true && submission?.state !== 'ready'
}

function found(
  config: PipelineConfig,
  { id }: RunState,
  submission: Submission,
  { operation, generator }: Exclude<ReviewVerdict, 'not-submitted'>,
): Submission {
  const routes = generatorRoutesOf(config.generator)
  const bound = generatorFor(routes.generators, boundGenerator(routes, submission), generator)
  const cursor = bound && routes.locate(bound)
  if (bound === undefined || cursor === undefined) {
    const names = routes.generators.map(({ name }) => name).join(', ')
    throw new RunStateError(
      `Could not settle the run with a job, no generator of the chain fits it: ${id}; give { operation, generator }, one of ${names}`,
    )
  }
  return settledAsFound({ ...submission, cursor }, newHandle(bound, operation, config.clock.now()))
}

function generatorFor(
  generators: readonly Generator[],
  bound: Generator | undefined,
  name: string | undefined,
): Generator | undefined {
  if (name !== undefined) return generators.find((generator) => generator.name === name)
  return bound ?? (generators.length === 1 ? generators[0] : undefined)
}
