import type { GeneratorRoute, GeneratorRoutes, NextRoute } from '../../calling/generator-routes.js'
import type { Generator } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import { GenerationFailedError } from '../../contracts/upstream-errors.js'
import { type RunSession, remainingMs } from '../run-session.js'
import { placeOf, type StageWork } from '../stage-work.js'
import { boundOf, nextSubmission, placed, type Submission } from '../state/submission.js'
import { releaseJob } from './admit-job.js'
import { attemptFailed, endOfChain, type Failure } from './generate-failure.js'

/** Position of a generation step in the chain of generators. */
export interface GenerateStep {
  readonly routes: GeneratorRoutes
  readonly route: GeneratorRoute
  readonly work: StageWork
}

/**
 * Nothing was accepted, or the job failed: the next generator of the chain may be paid.
 * @throws the error of the stage when there is no next generator.
 */
export async function tryNext(
  session: RunSession,
  step: GenerateStep,
  submission: Submission,
  failure: Failure,
): Promise<void> {
  const { routes } = step
  const { generator } = step.route
  const attempt = attemptFailed(session, generator, failure)
  session.admission?.answered(failure.error)
  releaseJob(session)
  session.generatorFailures.push({ attempt, error: failure.error })
  // Without time for another submission, the failure is the reason, not the deadline. A job that was adopted without its request
  // cannot be submitted.
  const maySubmit = remainingMs(session, session.config.deadlines.generateMs) > 0 && session.state.request.prompt !== ''
  const { paid: known = [] } = session.state
  const isPaid = submission.state === 'accepted' && !known.includes(generator.name)
  const paid = isPaid ? [...known, generator.name] : known
  const next = maySubmit ? nextUnpaid(step, submission.cursor, { error: failure.error, paid }) : undefined
  if (next === undefined) throw endOfChain(session, failure.error, generator)
  const route = routes.at(next.cursor)
  const { generator: taker } = route
  if (taker !== generator) {
    session.log.append({ type: 'fallback-taken', ...placeOf('generate', generator), next: taker.name })
  }
  session.upstream = undefined
  const wakeAt = session.config.clock.now() + (next.delayMs ?? 0)
  await session.journal.save({
    wakeAt,
    submission: nextSubmission(submission, next.cursor, boundOf(route)),
    ...(paid.length > 0 && { paid: paid.filter((name) => !isAgain(next, name)) }),
  })
}

/**
 * The place of a submission that was not sent and whose generator is gone: the first one of the chain whose job has not failed
 * before.
 * @throws the error of the stage when there is none.
 */
export function unpaidPlace(
  session: RunSession,
  routes: GeneratorRoutes,
  { former, placed: given }: { readonly former: Submission; readonly placed: Submission },
): Submission {
  const { paid = [] } = session.state
  const isMoved = given.state === 'ready' && former.generator !== null && given.generator !== former.generator
  if (!isMoved || !paid.includes(given.generator ?? '')) return given
  const unpaid = routes.generators.find(({ name }) => !paid.includes(name))
  const cursor = unpaid && routes.locate(unpaid)
  if (cursor !== undefined) return placed(given, cursor, unpaid as Generator)
  const error = new GenerationFailedError('Could not generate: the jobs of all generators of the chain have failed')
  throw endOfChain(session, error, session.config.generator)
}

// A deploy may have moved a generator whose job has failed behind the present one: it is not paid again.
function nextUnpaid(
  { routes, route: { generator } }: GenerateStep,
  cursor: JsonValue,
  { error, paid }: { readonly error: unknown; readonly paid: readonly string[] },
): NextRoute | undefined {
  let next = routes.next(cursor, error)
  while (next !== undefined) {
    const { generator: taker, isUndecided = false } = routes.at(next.cursor)
    if (isUndecided || taker === generator || !paid.includes(taker.name) || isAgain(next, taker.name)) break
    next = routes.next(next.cursor, error)
  }
  return next
}

function isAgain({ again = [] }: NextRoute, name: string): boolean {
  return again.some((generator) => generator.name === name)
}
