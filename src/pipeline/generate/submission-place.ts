import { type GeneratorRoutes, generatorRoutesOf, isPlaceIn } from '../../calling/generator-routes.js'
import type { Generator } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import { NO_GENERATOR, RunStateError, SubmissionUnknownError } from '../../contracts/run-errors.js'
import type { RunSession } from '../run-session.js'
import { boundOf, handleOf, placed, type Submission } from '../state/submission.js'

/**
 * A submission with its place in the current chain of generators. It is bound to its generator by name and upstream, so that a
 * chain may be wrapped, extended and reordered between two processes. A submission that was never sent moves to the first
 * generator if its own is gone.
 * @throws RunStateError with the handle when it was sent and its generator is not in the chain. The run stays unchanged for a
 * process that has the generator.
 * @throws SubmissionUnknownError when version 0.1.0 sent it, which saved only places, and the chain has several generators.
 */
export function inItsPlace(id: string, routes: GeneratorRoutes, submission: Submission): Submission {
  const { state, generator, cursor } = submission
  if (state === 'ready' && generator === null && isPlaceIn(routes, cursor)) return submission
  const bound = boundGenerator(routes, submission)
  const place = bound && cursorOf(routes, submission, bound)
  if (bound && place !== undefined) {
    return generator !== null && place === cursor ? submission : placed(submission, place, bound)
  }
  if (state === 'ready') return placed(submission, routes.first(), boundOf(routes.at(routes.first())))
  const names = routes.generators.map(({ name }) => name).join(', ')
  if (generator === null) {
    throw new SubmissionUnknownError(
      `Could not identify the generator of the submission, version 0.1.0 did not save it: one of ${names}`,
    )
  }
  const wanted = withUpstream(generator, submission.upstream)
  const present = routes.generators.map(({ name, upstream }) => withUpstream(name, upstream)).join(', ')
  throw new RunStateError(
    `Could not continue the run, ${NO_GENERATOR}: ${id} is at ${wanted}, the chain has ${present}`,
    { handle: handleOf(submission), reason: NO_GENERATOR },
  )
}

function withUpstream(name: string, upstream: string | null | undefined): string {
  return upstream ? `${name} of ${upstream}` : name
}

/**
 * Refuses a run whose generator is not in the chain, before this process holds it.
 * @throws RunStateError with the handle.
 */
export function refuseForeignJob({ id, state, config }: Pick<RunSession, 'id' | 'state' | 'config'>): void {
  const { step, submission } = state
  if (step !== 'generate' || submission === undefined || submission.generator === null) return
  inItsPlace(id, generatorRoutesOf(config.generator), submission)
}

/** The generator of a submission in the current chain; `undefined` if none fits. */
export function generatorOf(chain: Generator, submission: Submission | undefined): Generator | undefined {
  return submission && boundGenerator(generatorRoutesOf(chain), submission)
}

/** The generator of a chain that a submission is bound to; `undefined` if none fits. */
export function boundGenerator(routes: GeneratorRoutes, submission: Submission): Generator | undefined {
  const { generators } = routes
  if (submission.generator === null) return ofVersion1(routes, submission)
  return generators.find((generator) => fits(generator, submission))
}

function fits(generator: Generator, submission: Submission): boolean {
  const { name, upstream } = generator
  if (name !== submission.generator) return false
  // A generator of one long call has no jobs: the generator of that name was of another kind when it accepted this one.
  if (submission.state === 'accepted' && !('poll' in generator) && submission.handle.operation !== null) return false
  return submission.upstream === null || upstream === undefined || upstream === submission.upstream
}

// Version 0.1.0 saved places without names: with several generators the place may now belong to another one.
function ofVersion1(routes: GeneratorRoutes, { cursor }: Submission): Generator | undefined {
  const [only, ...others] = routes.generators
  const isAlone = others.length === 0 && (isPlaceIn(routes, cursor) || !isAmongSeveral(cursor))
  return isAlone ? only : undefined
}

// The saved place counts while its generator is there: it includes retries and the generators already tried.
function cursorOf(routes: GeneratorRoutes, { cursor }: Submission, bound: Generator): JsonValue | undefined {
  return isPlaceIn(routes, cursor) && routes.at(cursor).generator === bound ? cursor : routes.locate(bound)
}

// Fields of the cursors of `fallback` and `balance`.
function isAmongSeveral(cursor: JsonValue): boolean {
  return /"(index|tried)":/.test(JSON.stringify(cursor))
}
