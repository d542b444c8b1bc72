import type { GeneratorRoute, GeneratorRoutes } from '../../calling/generator-routes.js'
import { placeOf, type RunSession, type StageWork } from '../run-session.js'
import { boundOf, nextSubmission, type Submission } from '../state/submission.js'
import { releaseJob } from './admit-job.js'
import { attemptFailed, endOfChain, type Failure } from './generate-failure.js'

/** Where a step of the generation is in the chain of generators. */
export interface GenerateStep {
  readonly routes: GeneratorRoutes
  readonly route: GeneratorRoute
  readonly work: StageWork
}

/**
 * Nothing was accepted, or the upstream gave the job up: the next generator of the chain may be paid.
 * @throws what the stage ends with when there is none.
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
  const next = routes.next(submission.cursor, failure.error)
  if (next === undefined) throw endOfChain(session, failure.error, generator)
  const route = routes.at(next.cursor)
  const { generator: taker } = route
  if (taker !== generator) {
    session.log.append({ type: 'fallback-taken', ...placeOf('generate', generator), next: taker.name })
  }
  delete session.upstream
  const wakeAt = session.config.clock.now() + (next.delayMs ?? 0)
  await session.journal.save({ wakeAt, submission: nextSubmission(submission, next.cursor, boundOf(route)) })
}
