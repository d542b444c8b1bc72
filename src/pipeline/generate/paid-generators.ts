import type { GeneratorRoute, GeneratorRoutes, NextRoute } from '../../calling/generator-routes.js'
import type { Generator } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import { GenerationFailedError } from '../../contracts/upstream-errors.js'
import type { RunSession } from '../run-session.js'
import type { RunState } from '../state/run-state.js'
import { placed, type Submission } from '../state/submission.js'
import { endOfChain } from './generate-failure.js'

// A run pays each generator of its chain once, also when a deploy reorders or shortens the chain. What a retry contains is paid again.

/** Names of the generators whose paid job failed, with that of a submission which has failed now. */
export function paidWith(
  { paid = [] }: RunState,
  { state }: Submission,
  { name }: Pick<Generator, 'name'>,
): readonly string[] {
  return state === 'accepted' && !paid.includes(name) ? [...paid, name] : paid
}

/** Those that the next submission does not try again. */
export function stillPaid(paid: readonly string[], next: NextRoute): readonly string[] {
  return paid.filter((name) => !isAgain(next, name))
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

/** The next submission. A generator whose job has failed, and that a deploy has moved behind the present one, is passed over. */
export function nextUnpaid(
  { routes, route: { generator } }: { readonly routes: GeneratorRoutes; readonly route: GeneratorRoute },
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
