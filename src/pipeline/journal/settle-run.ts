import { generatorRoutesOf } from '../../calling/generator-routes.js'
import { type OptionRules, optionProblem, problemsOfOptions } from '../../contracts/check-options.js'
import type { Generator } from '../../contracts/generator.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { isJson } from '../../contracts/is-json.js'
import type { JsonValue } from '../../contracts/json.js'
import { required, rule, text } from '../../contracts/option-rules.js'
import { RunStateError } from '../../contracts/run-errors.js'
import { boundGenerator } from '../generate/submission-place.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { jobKey } from '../state/job-key.js'
import type { RunState } from '../state/run-state.js'
import { toStoredRun } from '../state/stored-run.js'
import { handleOf, newHandle, type Submission, settledAsAbsent, settledAsFound } from '../state/submission.js'
import { claimFoundJob } from './claim-job.js'
import { adopterOf } from './former-claimants.js'
import { answerOf, loadRun } from './store-calls.js'

/** Decision of a person about a submission. */
export type ReviewVerdict =
  | 'not-submitted'
  | {
      /** The job that the person found, in the generator's own form. */
      readonly operation: JsonValue
      /**
       * Name of the generator that has the job.
       * @defaultValue the generator of the submission
       */
      readonly generator?: string | undefined
    }

/** The kinds of a {@link ReviewVerdict}. */
export type VerdictKind = 'operation' | 'not-submitted'

/**
 * Continues a run that needs a person: a run in review, a failed run that has or may have a job, or a run whose generator is no
 * longer in the chain.
 * @throws InvalidRequestError when the verdict is invalid. RunStateError when the store does not know the run or is down, the run
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
    throw new RunStateError(refusalOf(state, verdict))
  }
  const adopter = await adopterOf(config, state)
  if (adopter !== undefined) {
    throw new RunStateError(`Could not settle the run, another run has adopted its job: ${adopter}`)
  }
  const settledSubmission =
    verdict === 'not-submitted' ? settledAsAbsent(submission) : found(config, state, submission, verdict)
  const handle = handleOf(settledSubmission)
  if (
    handle &&
    !(await answerOf(() => claimFoundJob(store, handle, id), `Could not claim the job, the store is down: ${id}`))
  ) {
    throw new RunStateError(
      `Could not settle the run ${id}, another run has claimed the job: ${jobKey(handle.operation)}`,
    )
  }
  const {
    error: _error,
    endedAt: _endedAt,
    isAborted: _isAborted,
    worker: _worker,
    upstream: _upstream,
    deadlineAt: _deadlineAt,
    adoptedBy: _adoptedBy,
    ...open
  } = state
  const now = clock.now()
  const settled: RunState = {
    ...open,
    status: 'running',
    wakeAt: now,
    // The decision may have taken long: the deadlines start again.
    stepStartedAt: now,
    ...(Number.isFinite(config.deadlines.totalMs) && { deadlineAt: now + config.deadlines.totalMs }),
    submission: settledSubmission,
  }
  const save = () => store.save(id, loaded.version, toStoredRun(settled))
  await answerOf(save, `Could not settle the run, the store is down: ${id}`)
}

const VERDICT: OptionRules<Exclude<ReviewVerdict, 'not-submitted'>> = {
  operation: required(rule(isJson, "give the job as the generator has it, such as { id: 'video_123' }")),
  generator: text('give the name of a generator, or leave it out'),
}

function checkVerdict(verdict: unknown): asserts verdict is ReviewVerdict {
  if (verdict === 'not-submitted') return
  if (typeof verdict !== 'object' || verdict === null) {
    const fix = "give 'not-submitted' or { operation }, with operation as the generator has it"
    throw new InvalidRequestError([optionProblem('verdict', verdict, fix)])
  }
  const problems = problemsOfOptions('verdict', verdict, VERDICT)
  if (problems.length > 0) throw new InvalidRequestError(problems)
}

/** The verdicts that a run accepts, whatever the chain of generators is. */
export function acceptedVerdicts(state: RunState): readonly VerdictKind[] {
  if (state.submission === undefined) return []
  if (state.status === 'needs-review') return ['operation', 'not-submitted']
  return state.status === 'failed' && mayHaveJob(state) ? ['operation'] : []
}

function needsPerson(config: PipelineConfig, state: RunState, verdict: ReviewVerdict): boolean {
  const { status, submission } = state
  if (acceptedVerdicts(state).includes(verdict === 'not-submitted' ? verdict : 'operation')) return true
  const isForeign = submission && boundGenerator(generatorRoutesOf(config.generator), submission) === undefined
  return status === 'running' && isForeign === true && submission?.state !== 'ready'
}

// A job of a failed run is a fact or a doubt that no answer of its upstream removes: the id that is polled may be the wrong one.
function refusalOf(state: RunState, verdict: ReviewVerdict): string {
  const { id, status } = state
  if (verdict !== 'not-submitted' || !acceptedVerdicts(state).includes('operation')) {
    return `Could not settle the run, it is not in review but ${status}: ${id}`
  }
  const fix = 'settle it with the id of the right job, or retry it as another run, which pays another job'
  return `Could not settle the run as not submitted, it has failed and has or may have a job: ${id}; ${fix}`
}

// A failed run without its video. A submission interrupted by an abort may have been accepted; after any other failure a
// submission in the state `sending` was refused.
function mayHaveJob({ video, submission, isAborted = false }: RunState): boolean {
  if (video !== undefined) return false
  const isOpen = submission?.state === 'unknown' || (submission?.state === 'sending' && isAborted)
  return isOpen || handleOf(submission) !== undefined
}

function found(
  config: PipelineConfig,
  { id }: RunState,
  submission: Submission,
  { operation, generator }: Exclude<ReviewVerdict, 'not-submitted'>,
): Submission {
  const routes = generatorRoutesOf(config.generator)
  // If the generator of the submission is gone, another one polls the job only if the person names it.
  const isOpen = submission.generator === null && routes.generators.length === 1
  const bound = generatorFor(routes.generators, boundGenerator(routes, submission), { name: generator, isOpen })
  const cursor = bound && routes.locate(bound)
  if (bound === undefined || cursor === undefined) {
    const names = routes.generators.map(({ name }) => name).join(', ')
    throw new RunStateError(
      `Could not settle the run with a job, no generator of the chain fits it: ${id}; give { operation, generator }, one of ${names}`,
    )
  }
  if ('checkOperation' in bound) bound.checkOperation?.(operation)
  return settledAsFound({ ...submission, cursor }, newHandle(bound, operation, config.clock.now()))
}

function generatorFor(
  generators: readonly Generator[],
  bound: Generator | undefined,
  { name, isOpen }: { readonly name: string | undefined; readonly isOpen: boolean },
): Generator | undefined {
  if (name !== undefined) return generators.find((generator) => generator.name === name)
  return bound ?? (isOpen ? generators[0] : undefined)
}
