import type { GeneratorRoute, GeneratorRoutes } from '../../calling/generator-routes.js'
import { type RunSession, remainingMs } from '../run-session.js'
import { placeOf, type StageWork } from '../stage-work.js'
import { boundOf, nextSubmission, type Submission } from '../state/submission.js'
import { releaseJob } from './admit-job.js'
import { attemptFailed, endOfChain, type Failure } from './generate-failure.js'
import { nextUnpaid, paidWith, stillPaid } from './paid-generators.js'

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
  const paid = paidWith(session.state, submission, generator)
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
    ...(paid.length > 0 && { paid: stillPaid(paid, next) }),
  })
}
