import * as z from 'zod/mini'
import { generatorRoutesOf } from '../../calling/generator-routes.js'
import { describeValue } from '../../contracts/errors.js'
import type { GenerationHandle } from '../../contracts/generation-handle.js'
import { type InputProblem, InvalidRequestError } from '../../contracts/input-errors.js'
import { isJson } from '../../contracts/is-json.js'
import type { JsonValue } from '../../contracts/json.js'
import type { VideoRequest } from '../../contracts/request.js'
import { RunStateError } from '../../contracts/run-errors.js'
import { boundGenerator } from '../generate/submission-place.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { jobKey } from '../state/job-key.js'
import { identityOf } from '../state/request-fingerprint.js'
import { newRunState } from '../state/run-state.js'
import { storedRequest } from '../state/stored-request.js'
import { toStoredRun } from '../state/stored-run.js'
import { adoptedSubmission, handleOf } from '../state/submission.js'
import { claimJob } from './claim-job.js'
import { handOver, runsWithJob } from './former-claimants.js'
import { answerOf, loadRun } from './store-calls.js'

/** Options of an adopted job. */
export interface Adoption {
  readonly id: string
  readonly isCallerId: boolean
  readonly handle: GenerationHandle
  /** The request of the job; without it nothing is ever submitted for the run. */
  readonly request?: VideoRequest | undefined
  readonly owner?: string | undefined
}

const handleSchema = z.looseObject({
  generator: z.string().check(z.minLength(1)),
  upstream: z.optional(z.string()),
  operation: z.custom<JsonValue>(isJson),
  startedAt: z.number(),
})

/**
 * Creates a run for a job that no run of the store works on; does nothing for an id that has this job. The ended run that had the job
 * is linked to it, and can no longer be settled.
 * @throws InvalidRequestError when the handle is invalid. RunStateError when no generator of the chain fits it, another run that is not
 * over has the job, or has its video, the id belongs to another run, or the store is down.
 */
export async function adoptJob(config: PipelineConfig, adoption: Adoption): Promise<void> {
  const { id, isCallerId, handle } = adoption
  checkHandle(handle)
  const routes = generatorRoutesOf(config.generator)
  // With a clock that is ahead, the deadline would pass before the run starts.
  const startedAt = Math.min(handle.startedAt, config.clock.now())
  const submission = adoptedSubmission({ ...handle, startedAt })
  const generator = boundGenerator(routes, submission)
  const cursor = generator && routes.locate(generator)
  if (generator === undefined || cursor === undefined) {
    const names = routes.generators.map(({ name }) => name).join(', ')
    throw new RunStateError(
      `Could not adopt the job, no generator of the chain fits it: ${handle.generator}, the chain has ${names}`,
      { handle },
    )
  }
  if ('checkOperation' in generator) generator.checkOperation?.(handle.operation)
  const { store, clock, deadlines } = config
  const down = `Could not adopt the job, the store is down: ${id}`
  if (isCallerId && (await hasAdopted(config, adoption))) return
  const others = await runsWithJob(config, handle, id)
  const owner = adoption.owner ?? others.find(({ state }) => state.owner !== undefined)?.state.owner
  const request = adoption.request ?? { prompt: '' }
  // The media was sent with the submission. It is needed again only if the job fails, and then a data URL is enough.
  const { request: stored } = storedRequest(request, { canKeepMedia: false })
  const state = newRunState({
    id,
    request: stored,
    identity: identityOf(request, owner),
    now: clock.now(),
    totalMs: deadlines.totalMs,
    isCallerId,
    isAdopted: true,
    adoptedFrom: others[0]?.state.id,
    submission: { ...submission, cursor },
  })
  if (!(await answerOf(() => claimJob(store, handle, id), down)) && others.length === 0) {
    throw new RunStateError(
      `Could not adopt the job, another run has claimed it (settle that run with this operation): ${jobKey(handle.operation)}`,
      { handle },
    )
  }
  await handOver(config, others, { id, handle, owner: adoption.owner })
  if (await answerOf(() => store.create(id, toStoredRun(state)), down)) return
  if (!(await hasAdopted(config, adoption))) throw foreignId(id, handle)
}

// Whether the run of an id has the job already.
async function hasAdopted({ store }: PipelineConfig, { id, handle, owner }: Adoption): Promise<boolean> {
  const known = (await loadRun(store, id))?.state
  if (known === undefined) return false
  const present = handleOf(known.submission)
  const isSame = present !== undefined && jobKey(present.operation) === jobKey(handle.operation)
  if (!isSame || known.owner !== owner) throw foreignId(id, handle)
  return true
}

function foreignId(id: string, handle: GenerationHandle): RunStateError {
  return new RunStateError(`Could not adopt the job, its id belongs to another run: ${id}`, { handle })
}

function checkHandle(handle: unknown): void {
  const parsed = handleSchema.safeParse(handle)
  if (parsed.success) return
  const problems = parsed.error.issues.map(({ path }): InputProblem => {
    const field = ['handle', ...path].join('.')
    const value = path.reduce<unknown>((part, key) => Object(part)[key], handle)
    return { field, value: describeValue(value), fix: 'give a GenerationHandle: { generator, operation, startedAt }' }
  })
  throw new InvalidRequestError(problems)
}
